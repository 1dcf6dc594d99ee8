"""docs/roles.md: its example is a file that the sidecar takes, and its table is made from the keys."""

import re
from pathlib import Path

import pytest

from tests.settings.profile_kit import ConfigFiles
from tools import tables

PAGE = Path(__file__).parents[2] / "docs" / "roles.md"


EXAMPLES = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_read_as_the_page_says(files: ConfigFiles, example: str) -> None:
    names = re.findall(r"^\[profile (\w+)\]", example, re.MULTILINE)
    assert names
    assert [role.name for role in files.roles(example).served] == ["default", *names]


def test_the_table_of_keys_is_made_from_the_code() -> None:
    assert tables.up_to_date(PAGE) == PAGE.read_text(), "run `make docs`"
