"""docs/explain.md lists what the commands say: every mistake's code, every check, every flag."""

import re
from pathlib import Path

import sidecar.doctor
from sidecar.explain.command import _parser
from tests.explain.test_the_twenty_mistakes import MISTAKES

ROOT = Path(sidecar.doctor.__file__).parent
PAGE = (ROOT.parents[1] / "docs" / "explain.md").read_text()


def test_every_mistake_stands_in_the_table_under_its_number() -> None:
    rows = {row[0]: row[1] for row in re.findall(r"^\| (\d+)\. (.*) \|$", PAGE, re.MULTILINE)}

    assert [mistake.name for mistake in MISTAKES if f"`{mistake.code}`" not in rows[str(int(mistake.name[:2]))]] == []


def test_every_check_of_the_doctor_is_named() -> None:
    called = r'(?:passed|warned|failed|skipped|_worst|of_explained)\(\s*"([a-z-]+)"'
    checks = {name for file in ROOT.glob("*.py") for name in re.findall(called, file.read_text())}
    first_to_last = {name for name in checks if not name.startswith("app-")}

    assert len(first_to_last) > 15
    assert {name for name in first_to_last if f"`{name}`" not in PAGE} == set()


def test_every_flag_of_explain_is_named() -> None:
    flags = [flag for action in _parser()._actions for flag in action.option_strings if flag.startswith("--")]

    assert [flag for flag in flags if flag != "--help" and flag not in PAGE] == []
