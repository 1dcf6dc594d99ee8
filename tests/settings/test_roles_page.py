"""docs/roles.md: its example is a file that the sidecar takes, and its table is made from the keys."""

import re
from pathlib import Path

from tests.settings.profile_kit import ConfigFiles
from tools import tables

PAGE = Path(__file__).parents[2] / "docs" / "roles.md"


def test_the_example_is_read_as_the_page_says(files: ConfigFiles) -> None:
    (example,) = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    roles = files.roles(example, SIDECAR_PROFILES="reports,audit")
    assert [role.name for role in roles.served] == ["default", "reports", "audit"]


def test_the_table_of_keys_is_made_from_the_code() -> None:
    assert tables.up_to_date(PAGE) == PAGE.read_text(), "run `make docs`"
