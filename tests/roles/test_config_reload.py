"""The config file followed: what is new in it takes effect, and a bad file changes nothing and is told of once."""

import asyncio
import gc
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.model import Seconds
from sidecar.observe.metrics import Metrics
from sidecar.roles.config_reload import ConfigReload
from sidecar.settings.config import load
from sidecar.settings.role_changes import RoleChanges, role_changes
from sidecar.settings.roles import RoleSet
from tests.doubles import ROLE_ARN

POD = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-central-1"}
REPORTS = "[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\n"
AUDIT = "[profile audit]\nrole_arn = arn:aws:iam::111122223333:role/audit\n"
BAD = "[profile reports]\nrole_arn = reports\n"


class Followed:
    """A config file, and the roles that were put to work."""

    def __init__(self, directory: Path, text: str, profiles: str = "*") -> None:
        self.path = directory / "config"
        self.path.write_text(text)
        config = load(POD | {"AWS_CONFIG_FILE": str(self.path), "SIDECAR_PROFILES": profiles}, [])
        self.at_start = self.roles = config.roles
        self.replaced = 0
        self.broken = False
        self.takes: Seconds = 0
        self.metrics = Metrics()
        self.reload = ConfigReload(
            self.path, config.role_loader, config.roles, self._replace, self.metrics.observe_reload
        )

    async def _replace(self, roles: RoleSet) -> RoleChanges:
        if self.broken:
            raise OSError(2, "No such file or directory")
        changes = role_changes(self.roles, roles)
        await asyncio.sleep(self.takes)
        self.roles = roles
        self.replaced += 1
        return changes

    async def becomes(self, text: str) -> None:
        self.path.write_text(text)
        await self.reload.look()

    @property
    def names(self) -> list[str]:
        return list(self.roles.by_name)

    @property
    def successful(self) -> float | None:
        return self.metrics.registry.get_sample_value("irsa_sidecar_config_last_reload_successful")


class Told:
    """What the log says."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def events(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]

    def of(self, event: str) -> Mapping[str, Any]:
        (record,) = (record for record in self._caplog.records if record.getMessage() == event)
        return vars(record)


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path, REPORTS)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told(caplog)


async def test_the_file_of_the_start_is_no_news(followed: Followed, told: Told) -> None:
    await followed.reload.look()
    await followed.reload.look()
    assert (followed.replaced, told.events, followed.successful) == (0, [], 1)


async def test_a_new_profile_takes_effect_and_is_told_of(followed: Followed, told: Told) -> None:
    await followed.becomes(f"{REPORTS}{AUDIT}")
    assert followed.names == ["default", "reports", "audit"]
    assert told.of("roles reloaded")["added"] == "audit"


async def test_a_removed_one_goes(followed: Followed, told: Told) -> None:
    await followed.becomes(AUDIT)
    assert followed.names == ["default", "audit"]
    found = told.of("roles reloaded")
    assert (found["added"], found["removed"]) == ("audit", "reports")


async def test_a_changed_one_is_told_of(followed: Followed, told: Told) -> None:
    await followed.becomes(f"{REPORTS}duration_seconds = 900\n")
    assert told.of("roles reloaded")["changed"] == "reports"


async def test_comments_and_spaces_change_nothing(followed: Followed, told: Told) -> None:
    await followed.becomes(f"# ours\n\n{REPORTS}\n")
    assert (followed.replaced, told.events) == (0, [])


async def test_a_bad_file_changes_nothing_and_is_told_of_once(followed: Followed, told: Told) -> None:
    for _ in range(3):
        await followed.becomes(BAD)
    assert followed.roles == followed.at_start
    assert told.events == ["config file refused"]
    reason = told.of("config file refused")["reason"]
    assert reason.startswith(f"{followed.path}: [profile reports] role_arn: 'reports' is not the ARN of an IAM role;")
    assert followed.reload.state.problem == reason
    assert followed.successful == 0


async def test_another_mistake_is_told_of_again(followed: Followed, told: Told) -> None:
    await followed.becomes(BAD)
    await followed.becomes("no sections")
    assert told.events == ["config file refused"] * 2


@pytest.mark.parametrize("then", [REPORTS, f"{REPORTS}{AUDIT}"])
async def test_a_corrected_file_takes_effect(followed: Followed, told: Told, then: str) -> None:
    await followed.becomes(BAD)
    await followed.becomes(then)
    assert (followed.reload.state.problem, followed.successful) == ("", 1)
    assert told.events[-1] == "config file usable again"
    assert ("audit" in followed.names) == (AUDIT in then)


async def test_a_file_that_is_gone_changes_nothing_and_takes_effect_when_it_is_back(
    followed: Followed, told: Told
) -> None:
    followed.path.unlink()
    await followed.reload.look()
    assert "cannot be read" in followed.reload.state.problem
    assert followed.names == ["default", "reports"]
    await followed.becomes(REPORTS)
    assert told.events == ["config file refused", "config file usable again"]


async def test_a_named_profile_that_is_lost_is_a_mistake_and_not_a_removal(tmp_path: Path) -> None:
    """As at the start: whoever names a profile in SIDECAR_PROFILES wants it served."""
    followed = Followed(tmp_path, f"{REPORTS}{AUDIT}", profiles="reports,audit")
    await followed.becomes(REPORTS)
    assert followed.names == ["default", "reports", "audit"]
    assert "'audit' has no section" in followed.reload.state.problem


async def test_roles_that_cannot_be_put_to_work_are_tried_again(followed: Followed, told: Told) -> None:
    followed.broken = True
    await followed.becomes(f"{REPORTS}{AUDIT}")
    assert followed.reload.state.problem == "No such file or directory"
    followed.broken = False
    await followed.reload.look()
    assert followed.names == ["default", "reports", "audit"]
    assert told.events == ["config file refused", "roles reloaded", "config file usable again"]


async def test_a_file_that_is_swapped_while_it_is_opened_is_read_again(
    followed: Followed, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet removes the old directory, and `..data` leads to the new one at once."""
    opened, unlucky = os.open, iter([True, True, False] * 2)

    def swapped(path: Any, *arguments: Any) -> int:
        if path == followed.path and next(unlucky, False):
            raise FileNotFoundError(2, "No such file or directory")
        return opened(path, *arguments)

    followed.path.write_text(f"{REPORTS}{AUDIT}")
    monkeypatch.setattr(os, "open", swapped)
    await followed.reload.look()
    assert told.events == ["roles reloaded"]


async def test_two_looks_at_once_let_it_take_effect_once(followed: Followed, told: Told) -> None:
    """The watch looks at what changes, and may begin anew meanwhile: then it looks at all files."""
    followed.takes = 0.1
    followed.path.write_text(f"{REPORTS}{AUDIT}")
    await asyncio.gather(followed.reload.look(), followed.reload.look())
    assert (followed.replaced, told.events) == (1, ["roles reloaded"])


async def test_a_session_policy_is_followed_too(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"Statement": []}')
    followed = Followed(tmp_path, f"{REPORTS}sidecar_policy_file = {policy}\n")
    await followed.reload.look()
    policy.write_text('{"Statement": [], "Version": "2012-10-17"}')
    await followed.reload.look()
    assert followed.replaced == 1
    source: Any = followed.roles.by_name["reports"].source
    assert source.session.policy == '{"Statement": [], "Version": "2012-10-17"}'


async def test_other_addresses_are_told_of_until_they_are_those_of_the_start_again(
    followed: Followed, told: Told
) -> None:
    await followed.becomes(f"{REPORTS}sidecar_listen = 127.0.0.1:9921\n")
    assert told.of("restart needed")["roles"] == "reports"
    assert followed.reload.state.needs_restart == ("reports",)
    await followed.becomes(f"{REPORTS}sidecar_listen = 127.0.0.1:9921\n# again\n")
    await followed.becomes(BAD)
    assert followed.reload.state.needs_restart == ("reports",)
    assert told.events == ["restart needed", "config file refused"]


async def test_a_limit_that_is_new_is_told_of(followed: Followed, told: Told) -> None:
    chain = "source_profile = default\nduration_seconds = 7200\n"
    await followed.becomes(f"{REPORTS}{chain}")
    await followed.becomes(f"{REPORTS}{chain}# again\n")
    assert "7200 is capped at 3600" in told.of("setting limited")["reason"]


RELOADS = 2_000
"""What becomes of the roles is held to ten thousand in test_running_roles."""


async def test_thousands_of_reloads_leave_nothing_behind(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="sidecar")  # what is captured is kept
    kinds = [BAD, f"{REPORTS}{AUDIT}", "no sections", AUDIT, REPORTS]
    for number in range(RELOADS):
        await followed.becomes(f"# {number}\n{kinds[number % len(kinds)]}")
        if number == RELOADS // 10:
            before = objects()
    assert followed.replaced == RELOADS * 3 // 5
    assert objects() < before + RELOADS // 10  # one a reload would be nine times as many


OURS = {"sidecar", "asyncio", "_asyncio", "threading"}


def objects() -> int:
    """All but those of a tracer, which keeps something for each thread that there ever was."""
    gc.collect()
    return sum(str(type(each).__module__).partition(".")[0] in OURS for each in gc.get_objects())
