"""Several roles on the admin port: ready with all that are required, the worst first, a page for each."""

import json
import re
from typing import Any

import pytest

from sidecar.admin.app import AdminFace, PublicAdminFace
from sidecar.admin.status import Status
from sidecar.core.errors import SidecarError, TrustRefused
from sidecar.http.messages import Request, Response
from sidecar.observe.history import History
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import Refusals
from sidecar.observe.usage import Usage
from sidecar.settings.config import load
from tests.admin.kit import ENVIRONMENT, SetRole, SetSource, ShownRole, StillClock
from tests.doubles import credentials
from tests.roles.kit import role

DENIED = TrustRefused("Not trusted.", fix="Trust it.", aws_code="AccessDenied", status=403)
GOOD: dict[str, SidecarError | None] = {"default": None, "reports": None, "audit@eu": None}


def face(errors: dict[str, SidecarError | None], required: str = "") -> AdminFace:
    """Each role holds credentials, or has an error instead."""
    clock, stopping = StillClock(), False
    roles = [
        ShownRole(
            role(name, required=name == required),
            SetRole(held=None if error else credentials(), error=error),
            SetSource(),
            History(),
        )
        for name, error in errors.items()
    ]
    config = load(ENVIRONMENT, [])
    status = Status(lambda: roles, clock, lambda: stopping, Usage(clock), Refusals(clock), config)
    return AdminFace(PublicAdminFace(status, Metrics()), status)


def got(of: AdminFace, path: str, host: str = "127.0.0.1") -> Response:
    answer = of.answer(Request("GET", path, {"host": host}))
    assert isinstance(answer, Response)
    return answer


def readiness(of: AdminFace) -> tuple[int, dict[str, Any]]:
    answer = got(of, "/readyz")
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("failing", "required", "status"),
    [
        ("", "", 200),
        ("reports", "", 200),
        ("reports", "reports", 503),
        ("reports", "audit@eu", 200),
        ("default", "", 503),
    ],
)
async def test_it_is_ready_when_the_default_and_all_required_roles_hold_credentials(
    failing: str, required: str, status: int
) -> None:
    asked = face(GOOD | ({failing: DENIED} if failing else {}), required)
    found, told = readiness(asked)
    assert (found, told["ready"]) == (status, status == 200)
    assert got(asked, "/readyz", host="10.0.0.1").status == status, "the kubelet is told the same, in a word"
    assert {each["name"]: each["ready"] for each in told["roles"]} == {name: name != failing for name in GOOD}


async def test_the_body_tells_of_the_role_that_it_waits_for_and_lists_all_the_worst_first() -> None:
    _, told = readiness(face(GOOD | {"audit@eu": DENIED, "reports": DENIED}, required="reports"))
    assert (told["name"], told["last_error"]["code"]) == ("reports", "TrustRefused")
    assert [each["name"] for each in told["roles"]] == ["reports", "audit@eu", "default"]
    assert [each["state"] for each in told["roles"]] == ["down", "down", "healthy"]


async def test_an_optional_role_that_fails_is_told_of_though_the_pod_is_ready() -> None:
    status, told = readiness(face(GOOD | {"audit@eu": DENIED}))
    assert (status, told["name"], told["last_error"]["fix"]) == (200, "audit@eu", "Trust it.")


async def test_the_page_lists_all_roles_the_worst_first_and_shows_the_worst() -> None:
    page = got(face(GOOD | {"audit@eu": DENIED}), "/status").body.decode()
    assert re.findall(r'href="(status/[^"]+)"', page) == ["status/audit%40eu", "status/default", "status/reports"]
    assert "<h1>audit@eu: No credentials</h1>" in page
    assert "No credentials: TrustRefused" in page


async def test_each_role_has_a_page_of_its_own_whose_links_lead_back() -> None:
    page = got(face(GOOD | {"audit@eu": DENIED}), "/status/reports").body.decode()
    assert "<h1>reports: Healthy</h1>" in page
    assert re.findall(r'href="(\.\./status/[^"]+)"', page) == [
        "../status/audit%40eu",
        "../status/default",
        "../status/reports",
    ]
    assert 'href="../metrics"' in page


async def test_a_role_that_there_is_not_has_no_page_and_strangers_see_none_at_all() -> None:
    asked = face(GOOD)
    assert got(asked, "/status/audit%40eu").status == 200
    assert got(asked, "/status/nothing").status == 404
    assert got(asked, "/status/reports", host="10.0.0.1").status == 403


async def test_with_one_role_nothing_is_said_of_several() -> None:
    alone = face({"default": None})
    assert {"name", "roles"} & readiness(alone)[1].keys() == set()
    assert "<h2>Roles</h2>" not in got(alone, "/status").body.decode()
    assert "roles" not in json.loads(got(alone, "/status.json").body)
