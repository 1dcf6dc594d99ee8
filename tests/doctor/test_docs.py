"""docs/explain.md names every check of the doctor."""

import re
from pathlib import Path

import sidecar.doctor

ROOT = Path(sidecar.doctor.__file__).parent
PAGE = (ROOT.parents[1] / "docs" / "explain.md").read_text()


def test_every_check_of_the_doctor_is_named() -> None:
    called = r'(?:passed|warned|failed|skipped|_worst|of_explained)\(\s*"([a-z-]+)"'
    checks = {name for file in ROOT.glob("*.py") for name in re.findall(called, file.read_text())}
    first_to_last = {name for name in checks if not name.startswith("app-")}

    assert len(first_to_last) > 15
    assert {name for name in first_to_last if f"`{name}`" not in PAGE} == set()
