"""docs/troubleshooting.md prints what we print, and leaves none of the thirty-two problems out."""

import re
from pathlib import Path

import aiohttp
import pytest

from tests.troubleshooting.cases import CASES, Scene
from tests.troubleshooting.page import PAGE, blocks


@pytest.mark.parametrize("name", CASES)
async def test_the_page_shows_what_is_printed(name: str, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        printed = await CASES[name](Scene(tmp_path, http))
    assert printed
    assert blocks(PAGE.read_text())[name] == printed, "python -m tests.troubleshooting.page writes the page anew"


def test_every_block_of_the_page_is_printed_by_a_case() -> None:
    assert blocks(PAGE.read_text()).keys() == CASES.keys()


def sections() -> list[str]:
    return re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]


def test_all_problems_are_there_in_order() -> None:
    assert [int(section.split(".")[0]) for section in sections()] == list(range(1, 33))


@pytest.mark.parametrize("part", ["**You see:**", "**Cause:**", "**We print:**", "**Fix:**"])
def test_each_problem_has_its_four_parts(part: str) -> None:
    assert [section.splitlines()[0] for section in sections() if section.count(part) != 1] == []


def test_the_index_on_top_leads_to_each_problem() -> None:
    index, _, _ = PAGE.read_text().partition("\n## ")
    named = {int(number) for number in re.findall(r"\[(\d+)\]\(#", index)}
    assert named == set(range(1, 33))
