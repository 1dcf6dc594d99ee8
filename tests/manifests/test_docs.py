"""Every manifest that the documentation shows is part of one that is tested."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.rendering import ROOT, files

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TESTED_ELSEWHERE = {
    "inject.md",  # what a command takes and gives: tests/inject/test_docs.py runs each
    "rollout.md",  # what the policies act on: tests/kubernetes/test_rollout.py applies each
}
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    if page.name not in TESTED_ELSEWHERE
    for number, block in enumerate(re.findall(r"^```ya?ml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_shown_is_tested(block: str) -> None:
    tested = [document for file in files() for document in yaml.safe_load_all(file.read_text())]
    for shown in yaml.safe_load_all(block):
        assert any(contains(part, shown) for whole in tested for part in within(whole))


def within(value: Any) -> Iterator[Any]:
    """The value, and all that is in it."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(inner)


def contains(whole: Any, part: Any) -> bool:
    """Mappings may leave out keys; lists of named things may leave out some; all else is equal."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list) and part and isinstance(part[0], dict) and "name" in part[0]:
        named = {item["name"]: item for item in whole if isinstance(item, dict) and "name" in item}
        return all(contains(named.get(item["name"]), item) for item in part)
    return bool(part == whole)


def test_a_block_that_differs_is_noticed() -> None:
    assert contains({"a": [{"name": "x", "b": 1, "c": 2}]}, {"a": [{"name": "x", "b": 1}]})
    assert not contains({"a": [{"name": "x", "b": 1}]}, {"a": [{"name": "x", "b": 2}]})
    assert not contains({"a": [{"name": "x", "b": 1}]}, {"a": [{"name": "y", "b": 1}]})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_manifests_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"\bmanifests/[\w./-]*\w", text) + [
        f"manifests/{n}" for n in re.findall(r"\bexamples/[\w.-]+\w", text)
    ]
    assert not [name for name in named if not (ROOT / name).exists()]
