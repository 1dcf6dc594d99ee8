"""docs/benchmark.md shows what the last whole run found; nothing in it names this workplace."""

import json
import re
from pathlib import Path

import pytest

from bench import install, machine, page, table, targets
from bench.plan import ROWS, Missing, Plan

RESULTS = json.loads(page.RESULTS.read_text())


@pytest.mark.parametrize("path", page.WRITTEN, ids=lambda path: path.name)
def test_the_page_shows_the_published_results(path: Path) -> None:
    assert page.up_to_date(path, RESULTS) == path.read_text(), "run `make docs`"


def test_every_target_is_on_the_page() -> None:
    section = page.section(RESULTS)
    for verdict in targets.verdicts(RESULTS):
        assert verdict.target in section


def test_the_whole_report_can_be_written_from_the_published_results() -> None:
    report = table.everything(RESULTS, targets.verdicts(RESULTS))
    assert report.count("|") > 100
    for server in RESULTS["servers"]:
        assert server["server"] in report


def test_the_published_results_are_of_a_whole_run() -> None:
    assert RESULTS["plan"]["rounds"] == Plan().rounds
    assert tuple(RESULTS["plan"]["rows"]) == ROWS


def test_a_missing_server_has_one_of_our_own_reasons_and_nothing_that_a_tool_wrote() -> None:
    assert set(RESULTS["missing"].values()) <= {reason.value for reason in Missing}


def test_the_results_tell_the_commit_and_a_kernel_without_a_local_suffix() -> None:
    assert re.fullmatch("[0-9a-f]{7,40}", RESULTS["commit"])
    assert re.fullmatch(r"[\d.]+", RESULTS["machine"]["kernel"])
    assert re.fullmatch(r"[\d.]+", machine.describe()["kernel"])


def test_the_picture_is_there() -> None:
    assert page.PICTURE.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text", ["go: reading https://registry.example/x/@v/list: 403 Forbidden\nserver: no", "a\n\nb"]
)
def test_a_reason_for_a_peer_that_could_not_be_made_holds_no_address(text: str) -> None:
    said = install.without_addresses(text)
    assert "://" not in said
    assert said.endswith(text.splitlines()[-1])


def test_no_lock_file_holds_an_address() -> None:
    for lock in (Path(install.HERE) / "peers").glob("*/*"):
        if lock.name in ("package-lock.json", "requirements.txt", "go.sum"):
            assert "://" not in lock.read_text(), lock
