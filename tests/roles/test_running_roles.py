"""A reload: what has not changed goes on, what has begins anew, what is gone is gone; what fails changes nothing."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.errors import StsUnreachable, TrustRefused
from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.refresh import Issued, Phase, RoleState
from sidecar.faces.authorization import AuthorizationTokens
from sidecar.faces.registry import CONTAINER, IMDS
from sidecar.http.addresses import TcpAddress
from sidecar.settings.roles import CredentialsFileSettings, RoleSettings, StsConnection, WebIdentitySettings
from tests.doubles import credentials
from tests.roles.kit import objects, put_together, role, role_set, running
from tests.virtual_time import in_virtual_time
from tests.waiting import HANGS_AFTER, until

HERE = role_set(role(), role("reports"), role("audit"))


@in_virtual_time
async def test_each_role_has_its_own_credentials() -> None:
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        held = {name: work.held(name) for name in ("default", "reports", "audit")}
        assert {credentials.access_key_id for credentials in held.values() if credentials} == {
            each.access_key_id for each in held.values() if each
        }
        assert len({credentials.access_key_id for credentials in held.values() if credentials}) == 3


@in_virtual_time
async def test_an_unchanged_role_keeps_its_credentials_and_is_not_asked_for_again() -> None:
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        before = work.held("reports")
        changes = await work.roles.replace(role_set(role(), role("reports"), role("audit", "another")))
        assert changes.changed == ("audit",)
        assert work.held("reports") is before is not None
        await asyncio.sleep(60)
        assert len(work.sources.exchanges["reports"]) == 1
        assert len(work.sources.exchanges["reports"][0].called_at) == 1


@in_virtual_time
async def test_a_changed_role_never_serves_what_it_held_before() -> None:
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        before = work.held("audit")
        await work.roles.replace(role_set(role(), role("reports"), role("audit", "another")))
        assert work.held("audit") is None
        assert work.roles["audit"].broker.phase is Phase.EMPTY
        await asyncio.sleep(1)
        assert work.held("audit") not in (before, None)


@in_virtual_time
async def test_a_changed_role_that_fails_as_before_is_told_of_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has just corrected the file wants to know."""
    async with running(put_together(HERE, outcomes={"audit": (TrustRefused("No.", fix="Let it."),)})) as work:
        await asyncio.sleep(600)
        await work.roles.replace(role_set(role(), role("reports"), role("audit", "another")))
        await asyncio.sleep(600)
    assert [record.getMessage() for record in caplog.records].count("refresh failed") == 2


@in_virtual_time
async def test_all_at_work_are_looked_at_and_only_those_asked_for_are_served() -> None:
    roles = put_together(replace(role_set(role("base", served=False), role()), default=DEFAULT_ROLE)).roles
    assert [each.name for each in roles.default_first] == ["default", "base"]
    assert [each.name for each in roles.served] == ["default"]


@in_virtual_time
async def test_a_new_role_begins_at_once_and_a_removed_one_ends() -> None:
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        removed = work.roles["audit"]
        changes = await work.roles.replace(role_set(role(), role("reports"), role("new")))
        assert (changes.added, changes.removed) == (("new",), ("audit",))
        await asyncio.sleep(1)
        assert work.held("new") is not None
        with pytest.raises(KeyError):
            work.roles["audit"]
        asked = len(work.sources.exchanges["audit"][0].called_at)
        await asyncio.sleep(24 * 3600)
        assert len(work.sources.exchanges["audit"][0].called_at) == asked
        assert removed.broker.usable() is None


@in_virtual_time
async def test_who_waits_for_a_role_that_is_removed_has_an_answer_within_a_second() -> None:
    async with running(put_together(HERE, takes=10)) as work:
        asked_at = work.clock.now()
        waiting = asyncio.create_task(work.roles["audit"].broker.credentials())
        await asyncio.sleep(0.1)
        await work.roles.replace(role_set(role(), role("reports")))
        await asyncio.wait([waiting])
        assert waiting.exception() is not None
        assert work.clock.now() - asked_at < 1


def elsewhere(settings: RoleSettings, **session: Any) -> RoleSettings:
    """The same role, asked for at another STS; with `session`, for another session."""
    assert isinstance(settings.source, WebIdentitySettings)
    sts = StsConnection(endpoint="http://127.0.0.1:2", region="eu-central-1")
    asked = replace(settings.source, sts=sts, session=replace(settings.source.session, **session))
    return replace(settings, source=asked)


@in_virtual_time
async def test_the_same_session_from_elsewhere_is_served_as_it_was_until_there_is_another() -> None:
    """The region may have been changed because the old one's STS is down, and the new one's may be too."""
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        before, expiration = work.held("audit"), work.roles["audit"].metrics.expiration
        work.sources.outcomes = {"audit": (StsUnreachable("Down.", fix="Wait."), 900)}
        await work.roles.replace(role_set(role(), role("reports"), elsewhere(role("audit"), duration=900)))
        assert work.held("audit") is before is not None
        assert work.roles["audit"].broker.phase is Phase.DUE
        await asyncio.sleep(0.26)
        assert work.held("audit") is before
        assert work.roles["audit"].metrics.expiration == expiration > 0
        assert work.roles["audit"].history.last_success is not None
        await asyncio.sleep(10)
        assert work.held("audit") not in (before, None)


@in_virtual_time
async def test_another_session_of_the_same_role_is_not_served_in_its_place() -> None:
    async with running(put_together(HERE)) as work:
        await asyncio.sleep(1)
        narrower = elsewhere(role("audit"), policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",))
        await work.roles.replace(role_set(role(), role("reports"), narrower))
        assert work.held("audit") is None


async def section_holds(path: Path, key: str | None) -> None:
    """Wait until the file's only section has this key, or there is no section."""
    async with asyncio.timeout(HANGS_AFTER):
        while not path.exists() or (key or "") not in path.read_text() or (key is None and "[" in path.read_text()):
            await asyncio.sleep(0.01)


async def test_another_credentials_file_gets_at_once_what_is_held_and_sts_is_not_asked(tmp_path: Path) -> None:
    files = [CredentialsFileSettings(path=tmp_path / name, profile="audit") for name in ("a", "b")]
    async with running(put_together(role_set(role(), role("audit", credentials_file=files[0])), takes=0)) as work:
        await until(lambda: work.held("audit") is not None)
        held, broker = work.held("audit"), work.roles["audit"].broker
        assert held is not None
        await section_holds(files[0].path, held.access_key_id)
        await work.roles.replace(role_set(role(), role("audit", credentials_file=files[1])))
        await section_holds(files[1].path, held.access_key_id)
        assert work.roles["audit"].broker is broker
        assert len(work.sources.exchanges["audit"][0].called_at) == 1
        work.files("audit", Issued(0, other := credentials(), 0), RoleState(other))
        await section_holds(files[1].path, other.access_key_id)
        assert held.access_key_id in files[0].path.read_text()


async def test_the_keys_of_another_role_leave_the_credentials_file_before_there_are_new_ones(tmp_path: Path) -> None:
    file = CredentialsFileSettings(path=tmp_path / "credentials", profile="audit")
    async with running(put_together(role_set(role(), role("audit", credentials_file=file)), takes=0)) as work:
        await until(lambda: work.held("audit") is not None)
        held = work.held("audit")
        assert held is not None
        await section_holds(file.path, held.access_key_id)
        work.sources.outcomes = {"audit": (TrustRefused("No.", fix="Let it."),)}
        await work.roles.replace(role_set(role(), role("audit", "another", credentials_file=file)))
        await section_holds(file.path, None)


@pytest.mark.parametrize(
    "settings", [{"required": True}, {"served": False}, {"auth_token_file": Path("/nowhere/token")}], ids=str
)
async def test_what_is_for_others_to_get_it_does_not_cost_a_role_its_credentials(settings: dict[str, Any]) -> None:
    work = put_together(HERE, takes=0)
    before = work.roles["reports"].broker
    changes = await work.roles.replace(role_set(role(), role("reports", **settings), role("audit")))
    assert changes.changed == ("reports",)
    assert work.roles["reports"].broker is before
    assert work.roles["reports"].settings == role("reports", **settings)
    assert (work.roles["reports"].authorization is not None) == ("auth_token_file" in settings)


async def test_a_role_that_cannot_be_made_leaves_everything_as_it_was() -> None:
    work = put_together(HERE)
    before, told = {each.name: each for each in work.roles}, list(work.changes)
    work.sources.broken = {"broken"}
    with pytest.raises(OSError, match="no such bundle"):
        await work.roles.replace(role_set(role(DEFAULT_ROLE, "another"), role("new"), role("broken")))
    assert {each.name: each for each in work.roles} == before
    assert work.roles.settings == HERE
    assert work.changes == told


async def test_addresses_stay_as_they_were_and_who_needs_a_restart_is_said_until_it_comes() -> None:
    address = (TcpAddress("127.0.0.1", 9920),)
    work = put_together(HERE)
    moved = role_set(role(), role("reports", listen={IMDS: address}), role("audit", listen={CONTAINER: address}))
    for _ in range(2):
        assert (await work.roles.replace(moved)).needs_restart == ("reports", "audit")
    assert [dict(each.settings.listen) for each in work.roles] == [{}, {}, {}]
    assert (await work.roles.replace(HERE)).needs_restart == ()


async def test_a_new_role_with_an_address_of_its_own_is_nowhere_until_a_restart() -> None:
    address = {CONTAINER: (TcpAddress("127.0.0.1", 9920),)}
    work = put_together(HERE)
    changes = await work.roles.replace(role_set(*HERE, role("new", listen=address)))
    assert changes.needs_restart == ("new",)
    assert work.roles["new"].settings.listen == address


@in_virtual_time
async def test_a_defect_in_one_role_ends_all() -> None:
    """A sidecar that limps on without a word would be found when its credentials have expired."""
    work = put_together(HERE)

    async def broken() -> Any:
        await asyncio.sleep(1)
        raise RuntimeError("a bug")

    work.jobs.set({"broken": broken})
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await work.jobs.run()


def test_ten_thousand_reloads_leave_no_gap_for_the_untouched_and_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("CRITICAL")  # what is captured is kept
    _reload_ten_thousand_times()


@in_virtual_time
async def _reload_ten_thousand_times() -> None:
    untouched = (role(), role("untouched"))
    async with running(put_together(role_set(*untouched), takes=0)) as work:
        await asyncio.sleep(1)
        tasks = len(asyncio.all_tasks())
        for number in range(10_000):
            await work.roles.replace(role_set(*untouched, role("changing", f"arn-{number}"), role(f"role-{number}")))
            if number % 50 == 0:
                await asyncio.sleep(30)
            assert None not in (work.held(), work.held("untouched"))
            work.sources.exchanges = {}
            if number == 1000:
                before = objects()
        await asyncio.sleep(30)
        assert len(asyncio.all_tasks()) == tasks + 2
        assert objects() < before + 1000  # one a reload would be 9000
        assert set(work.metrics.roles) == {"default", "untouched", "changing", "role-9999"}


async def test_files_that_hang_are_waited_for_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way: set[AuthorizationTokens] = set()

    async def hanging(tokens: AuthorizationTokens) -> tuple[str, ...]:
        under_way.add(tokens)
        while len(under_way) < 2:
            await asyncio.sleep(0.01)
        return ()

    monkeypatch.setattr(AuthorizationTokens, "renewed", hanging)
    work = put_together(HERE)
    new = [role(name, auth_token_file=tmp_path / name) for name in ("one", "two")]
    async with asyncio.timeout(HANGS_AFTER):
        assert (await work.roles.replace(role_set(*HERE, *new))).added == ("one", "two")
