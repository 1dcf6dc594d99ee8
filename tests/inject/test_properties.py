"""Promises over generated manifests: nothing of the user's changes, twice is once, and out again is as before."""

from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sidecar.inject import Options, inject, manifests, remove
from sidecar.inject.manifests import Change
from tests.inject.generated import DOCUMENTS, STYLES, TEXTS_OF
from tests.inject.kit import options
from tests.scale import cases

OPTIONS = st.sampled_from(
    [
        options(),
        options(classic=True),
        options(containers=frozenset({"app", "web"})),
        options(settings={"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}),
        options(image_pull_secrets=("ours",), priority_class="high", image_pull_policy="Always"),
    ]
)
OTHER = "# not ours\nkind: ConfigMap\ndata: {a:   1}   \n\n...\n"
slow = settings(max_examples=cases(60, 20), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def adding(chosen: Options) -> Change:
    return lambda document: inject(document, chosen)


def rewritten(text: str, change: Change) -> str:
    """What the command prints for a file of `text`, which a pod that is refused leaves as it is."""
    results = [manifests.changed(part, change, remove) for part in manifests.parts("file", text)]
    assert not [line for _, said in results for line in said if "cannot be changed" in line.message]
    return "".join(result for result, _ in results)


def assert_kept(before: Any, after: Any) -> None:
    """Everything of `before` is in `after`, in its order; what was empty may have been filled."""
    if isinstance(before, dict) and before:
        assert [key for key in after if key in before] == list(before)
        for key, value in before.items():
            assert_kept(value, after[key])
    elif isinstance(before, list) and before:
        later = iter(after)
        for item in before:
            assert_kept(item, next(found for found in later if same(item, found)))
    elif before not in (None, [], {}):
        assert after == before


def same(item: Any, found: Any) -> bool:
    if isinstance(item, dict) and isinstance(found, dict) and "kind" not in item:
        return item.get("name") == found.get("name") and item.get("mountPath") == found.get("mountPath")
    return item == found or (isinstance(item, dict) and isinstance(found, dict) and item["kind"] == found["kind"])


@slow
@given(DOCUMENTS, OPTIONS)
def test_nothing_of_the_users_is_changed_or_reordered(document: dict[str, Any], chosen: Options) -> None:
    assert_kept(document, inject(document, chosen).document)


@slow
@given(DOCUMENTS, OPTIONS)
def test_twice_is_once_and_removing_undoes(document: dict[str, Any], chosen: Options) -> None:
    once = inject(document, chosen).document
    assert inject(once, chosen).document == once
    assert remove(once).document == document


@slow
@given(DOCUMENTS, OPTIONS, OPTIONS)
def test_it_does_not_matter_what_was_injected_before(document: dict[str, Any], first: Options, then: Options) -> None:
    outcome = inject(inject(document, first).document, then)
    if not outcome.refused:
        assert outcome.document == inject(document, then).document


@slow
@given(TEXTS_OF, OPTIONS)
def test_the_text_says_what_the_pure_part_decided(text: str, chosen: Options) -> None:
    assert yaml.safe_load(rewritten(text, adding(chosen))) == inject(yaml.safe_load(text), chosen).document


@settings(slow, max_examples=cases(40, 15))
@given(TEXTS_OF, OPTIONS, OPTIONS)
def test_removing_from_text_leaves_the_same_bytes(text: str, first: Options, then: Options) -> None:
    assume("!!null" not in text)  # one that was filled comes back as nothing, YAML's usual word for it
    once = rewritten(text, adding(first))
    assert rewritten(once, adding(first)) == once
    other = rewritten(once, adding(then))
    if yaml.safe_load(other) != yaml.safe_load(once):
        assert other == rewritten(text, adding(then))
    assert rewritten(other, remove) == text


@slow
@given(DOCUMENTS, OPTIONS, st.sampled_from(sorted(STYLES)))
def test_it_comes_out_of_a_text_that_something_else_wrote_anew(document: Any, chosen: Options, style: str) -> None:
    """kustomize and kubectl sort keys, and write in a style of their own."""
    written_anew = STYLES[style](inject(document, chosen).document)
    assert yaml.safe_load(rewritten(written_anew, remove)) == document


@slow
@given(TEXTS_OF, OPTIONS)
def test_other_documents_keep_every_byte(text: str, chosen: Options) -> None:
    stream_of_three = f"{OTHER}---\n{text}\n--- # last\n{OTHER}"
    result = rewritten(stream_of_three, adding(chosen))
    assert result.startswith(f"{OTHER}---\n")
    assert result.endswith(f"\n--- # last\n{OTHER}")
