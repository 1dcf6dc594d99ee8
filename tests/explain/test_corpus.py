"""The corpus of docs/explain.md, run: each case has its verdict, its name and its fix."""

import pytest

from sidecar.core.findings import Level
from sidecar.explain import explain
from tests.explain.corpus import CORPUS, Example


@pytest.mark.parametrize("example", CORPUS, ids=str)
def test_a_case_has_its_verdict_its_name_and_its_fix(example: Example) -> None:
    told = explain(example.question())
    found = example.told()

    assert (told.verdict.value, [finding.code for finding in found][:1]) == (example.verdict, [example.code])
    assert any(example.fix in finding.fix for finding in found), [finding.fix for finding in found]
    assert example.verdict == "allow" or found[0].level is Level.ERROR


def test_the_corpus_is_large_and_names_no_case_twice() -> None:
    assert len({example.name for example in CORPUS}) == len(CORPUS)
    assert len(CORPUS) >= 150
