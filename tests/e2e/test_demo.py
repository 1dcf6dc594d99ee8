"""`make demo`, with shorter lives: a real SDK as the application, every part a process, and STS killed on the way."""

import pytest

from sidecar.demo import run as demo
from sidecar.demo.commands import main
from sidecar.demo.run import Plan, run


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "TOKEN_LIFETIME", 12)
    monkeypatch.setattr(demo, "SESSION_LIFETIME", 24)
    monkeypatch.setattr(demo, "CALL_INTERVAL", 0.5)


@pytest.mark.timeout(120)
async def test_an_outage_longer_than_a_refresh_period_costs_no_application_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(Plan(once=True, outage=13))
    told = capsys.readouterr().out
    assert "is down, and returns in 13 s" in told
    assert "refresh failed" in told
    assert "recovered: the sidecar has new credentials" in told
    assert " 0 failed" in told
    assert "FAILED" not in told


@pytest.mark.parametrize("seconds", ["0", "46", "-1"])
def test_refuses_an_outage_that_credentials_cannot_outlive(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--outage", seconds])
    assert ended.value.code == 2
    assert "1 to 45 is allowed" in capsys.readouterr().err
