"""Two sets of roles compared: what a reload must do, and what it must leave alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.arns import RoleArn
from sidecar.core.session_request import ChainedSessionRequest, SessionRequest
from sidecar.faces.registry import IMDS
from sidecar.http.addresses import TcpAddress
from sidecar.settings.role_changes import RoleChanges, role_changes
from sidecar.settings.roles import ChainSettings, RoleSet, RoleSettings, StsConnection, WebIdentitySettings
from tests.doubles import ROLE_ARN

STS = StsConnection(endpoint="https://sts.eu-central-1.amazonaws.com", region="eu-central-1")
TOKEN = WebIdentitySettings(
    role_arn=RoleArn.parse(ROLE_ARN), token_file=Path("/token"), session=SessionRequest(), sts=STS
)
POD = RoleSettings(name="default", source=TOKEN)
REPORTS = RoleSettings(
    name="reports",
    source=ChainSettings(
        role_arn=RoleArn.parse(ROLE_ARN), base="default", session=ChainedSessionRequest(external_id="7"), sts=STS
    ),
)
AUDIT = replace(POD, name="audit", auth_token_file=Path("/audit/token"))


def roles(*members: RoleSettings) -> RoleSet:
    return RoleSet("default", {role.name: role for role in (POD, *members)})


def changes(**expected: Any) -> RoleChanges:
    return RoleChanges(**{"added": (), "changed": (), "removed": (), "needs_restart": ()} | expected)


def test_the_same_file_again_changes_nothing() -> None:
    found = role_changes(roles(REPORTS, AUDIT), roles(replace(AUDIT), replace(REPORTS)))
    assert found == changes()
    assert not found


def test_new_and_lost_profiles_are_named() -> None:
    assert role_changes(roles(REPORTS), roles(AUDIT)) == changes(added=("audit",), removed=("reports",))


@pytest.mark.parametrize(
    "other",
    [
        {"auth_token_file": Path("/elsewhere")},
        {"required": True},
        {"source": replace(TOKEN, session=SessionRequest(duration=900))},
        {"source": replace(TOKEN, session=SessionRequest(policy="{}"))},
        {"source": REPORTS.source},
    ],
)
def test_any_other_value_is_a_change(other: Mapping[str, Any]) -> None:
    assert role_changes(roles(AUDIT), roles(replace(AUDIT, **other))) == changes(changed=("audit",))


def test_a_chain_stays_as_it_is_when_its_base_changes() -> None:
    base = replace(POD, source=replace(TOKEN, session=SessionRequest(duration=900)))
    new = RoleSet("default", {"default": base, "reports": REPORTS})
    assert role_changes(roles(REPORTS), new) == changes(changed=("default",))


def test_other_addresses_need_a_restart() -> None:
    listening = replace(AUDIT, listen={IMDS: (TcpAddress("127.0.0.1", 9921),)})
    assert role_changes(roles(AUDIT), roles(listening)) == changes(needs_restart=("audit",))
    assert role_changes(roles(), roles(listening)) == changes(added=("audit",), needs_restart=("audit",))
    assert role_changes(roles(listening), roles()) == changes(removed=("audit",), needs_restart=("audit",))


def test_a_role_that_is_taken_off_an_endpoint_is_shown_there_until_a_restart() -> None:
    off = replace(AUDIT, listen={IMDS: ()})
    assert role_changes(roles(AUDIT), roles(off)) == changes(needs_restart=("audit",))
    assert role_changes(roles(), roles(off)) == changes(added=("audit",)), "nothing is bound for it"
    assert role_changes(roles(off), roles()) == changes(removed=("audit",))
