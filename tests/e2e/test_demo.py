"""`make demo`, with shorter lives: a real SDK as the application, every part a process, and STS killed on the way."""

import re

import pytest

from sidecar.demo import progress
from sidecar.demo import run as demo
from sidecar.demo.commands import main
from sidecar.demo.roles_run import RolesDemo
from sidecar.demo.run import Plan, run


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "TOKEN_LIFETIME", 16)
    monkeypatch.setattr(demo, "SESSION_LIFETIME", 24)
    monkeypatch.setattr(demo, "CALL_INTERVAL", 0.5)
    monkeypatch.setattr(progress, "JUST_BEFORE", 3)  # a busy machine notices late that it is time


async def test_an_outage_that_begins_when_a_refresh_is_due_costs_no_application_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SESSION_LIFETIME", 36)  # 13 s and more for what tries again, and for STS to start
    assert await run(Plan(once=False, outage=4))
    told = capsys.readouterr().out
    assert "is down, and returns in 4 s" in told
    assert "refresh failed" in told
    assert "recovered: the sidecar has new credentials" in told
    assert " 0 failed" in told
    assert "FAILED" not in told


async def test_an_outage_past_expiry_fails_calls_and_ends_with_new_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SESSION_LIFETIME", 16)
    assert await run(Plan(once=False, outage=12))
    told = capsys.readouterr().out
    stopped = told.index("stops STS: the next refresh is due in a moment")
    assert stopped < told.index("refresh failed:") < told.index("FAILED:")
    assert "recovered: the sidecar has new credentials" in told
    assert re.search(r" 0 failed, [1-9]\d* without credentials to use, ", told)


async def test_two_applications_have_a_role_each_side_by_side_and_not_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(Plan(once=True), RolesDemo)
    told = capsys.readouterr().out
    side_by_side = r"applications 111122223333 reports, key …\w{4}, \d+ s left +\| 444455556666 partner, key …\w{4}, "
    assert re.search(side_by_side, told)
    assert "reports's token for partner's role: 401" in told
    assert "partner's token for reports's role: 401" in told
    assert re.search(
        r"done: reports: \d+ application calls, 0 failed, [2-9] access keys; partner: \d+ .* 0 failed, [2-9]", told
    )
    assert "FAILED" not in told


@pytest.mark.parametrize("seconds", ["0", "601", "-1"])
def test_refuses_an_outage_that_nobody_would_wait_for(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--outage", seconds])
    assert ended.value.code == 2
    assert "1 to 600 is allowed" in capsys.readouterr().err


def test_several_roles_go_with_no_planned_outage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--roles", "--outage", "20"])
    assert ended.value.code == 2
    assert "--roles: not with --outage" in capsys.readouterr().err
