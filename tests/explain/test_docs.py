"""docs/explain.md lists what `explain` says and takes: every mistake's code, every flag."""

import re
from pathlib import Path

from sidecar.explain.arguments import parser
from tests.explain.mistakes import OF_THE_TOKEN_ALONE, THE_TWENTY

PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()


def test_the_table_has_each_mistakes_codes_under_its_number_and_no_others() -> None:
    rows = dict(re.findall(r"^\| (\d+)\. .* \| (.*) \|$", PAGE, re.MULTILINE))
    told = {number: set(re.findall(r"`([a-z-]+)`", re.sub(r"\(.*?\)", "", codes))) for number, codes in rows.items()}
    known: dict[str, set[str]] = {}
    for mistake in THE_TWENTY:
        known.setdefault(str(int(mistake.name[:2])), set()).add(mistake.code)

    assert told == known


def test_the_mistakes_of_the_token_alone_are_named() -> None:
    assert [mistake.name for mistake in OF_THE_TOKEN_ALONE if f"`{mistake.code}`" not in PAGE] == []


def test_every_flag_of_explain_is_named() -> None:
    flags = [flag for action in parser()._actions for flag in action.option_strings if flag.startswith("--")]

    assert [flag for flag in flags if flag != "--help" and flag not in PAGE] == []


def test_every_promise_has_a_test_of_that_name() -> None:
    """The words of a test's name, up to the first colon or semicolon of the promise, in their order."""
    promises = PAGE.partition("### What it promises")[2].partition("### ")[0]
    wanted = [re.split(r"[:;.]", line)[0] for line in re.findall(r"^- (.*)$", promises, re.MULTILINE)]
    root = Path(__file__).parents[1]
    files = [*root.glob("explain/test_*.py"), *root.glob("scenarios/test_*.py")]
    tests = {name for file in files for name in re.findall(r"def test_(\w+)\(", file.read_text())}

    assert [promise for promise in wanted if _as_a_name(promise) not in tests] == []
    assert len(wanted) > 10


def _as_a_name(promise: str) -> str:
    plain = re.sub(r"[^a-z ]", "", promise.casefold())
    return "_".join(plain.split())
