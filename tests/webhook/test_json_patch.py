"""The JSON patch: applied to the old document it gives the new one, whatever the two are."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.inject import inject
from sidecar.webhook.json_patch import difference
from tests.inject.kit import options
from tests.kubernetes.made_up_pods import made_up

scalars = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b"])
keys = st.sampled_from(["a", "b", "name", "a/b", "~", "~1", "", "mountPath"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def applied(operations: list[dict[str, Any]], document: Any) -> Any:
    """RFC 6902, as far as it is used."""
    whole = {"": deepcopy(document)}
    for operation in operations:
        *parents, last = ["", *map(unescaped, operation["path"].split("/")[1:])]
        place: Any = whole
        for part in parents:
            place = place[int(part) if isinstance(place, list) else part]
        change(place, last, operation)
    return whole[""]


def unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def change(place: Any, last: str, operation: dict[str, Any]) -> None:
    if isinstance(place, list):
        assert operation["op"] in {"add", "replace"}
        assert 0 <= int(last) <= len(place) - (operation["op"] == "replace")
        place[int(last) : int(last) + (operation["op"] == "replace")] = [deepcopy(operation["value"])]
    elif operation["op"] == "remove":
        del place[last]
    else:
        assert (last in place) == (operation["op"] == "replace")
        place[last] = deepcopy(operation["value"])


@given(documents, documents)
def test_it_makes_one_document_of_another(before: Any, after: Any) -> None:
    operations = list(difference(before, after))

    made = applied(operations, before)
    assert made == after
    assert repr(made).count("True") == repr(after).count("True")  # 1 == True, but they are not the same JSON


@given(documents)
def test_nothing_is_changed_where_nothing_differs(document: Any) -> None:
    assert list(difference(document, deepcopy(document))) == []


@pytest.mark.parametrize("pod", list(made_up(7, 30)))
def test_what_inject_adds_replaces_nothing_of_the_pods(pod: dict[str, Any]) -> None:
    after = inject(pod, options()).document

    operations = list(difference(pod, after))
    assert applied(operations, pod) == after
    assert {operation["op"] for operation in operations} <= {"add"}
