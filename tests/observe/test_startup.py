"""What the log says at the start of limits that are low, and where the CPU limit is read."""

import logging
import resource
from pathlib import Path

import pytest

from sidecar.observe import startup
from sidecar.observe.cpu_limit import cpu_limit
from sidecar.observe.startup import announce
from sidecar.settings.config import load

CONFIG = load(
    {
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/checkout",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/irsa-sidecar/token",
        "AWS_REGION": "eu-west-1",
    },
    [],
)


def announced(monkeypatch: pytest.MonkeyPatch, cpus: float | None, open_files: int) -> None:
    monkeypatch.setattr(startup, "cpu_limit", lambda: cpus)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (open_files, open_files))
    announce(CONFIG)


def test_a_low_limit_is_named_with_its_value_and_its_fix(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    announced(monkeypatch, cpus=0.025, open_files=64)
    told = {record.getMessage(): vars(record) for record in caplog.records if record.levelno == logging.WARNING}
    assert (told["little CPU"]["limit"], told["few open files"]["limit"]) == ("25m", 64)
    assert "100m" in told["little CPU"]["fix"]
    assert "1024" in told["few open files"]["fix"]


@pytest.mark.parametrize(("cpus", "open_files"), [(None, resource.RLIM_INFINITY), (0.1, 256), (2.0, 16_384)])
def test_what_suffices_is_not_spoken_of(
    cpus: float | None, open_files: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    announced(monkeypatch, cpus, open_files)
    assert [record for record in caplog.records if record.levelno == logging.WARNING] == []


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "2500 100000\n"}, 0.025),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "2500\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.025),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "\n"}, None),
        ({"cpu.max": "1 0"}, None),
        ({}, None),
    ],
)
def test_the_cpu_limit_is_the_cgroups(files: dict[str, str], limit: float | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_limit(tmp_path) == limit
