"""AssumeRole over a real socket: what goes out, by whose clock it is signed, and what is taken of what comes back."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.core.claims import NO_CLAIMS
from sidecar.core.errors import BaseRefused, ChainRefused, ClaimMissing, StsUnavailable
from sidecar.core.model import Credentials
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.sts.assume_role import AssumeRole, Base, ChainedCall
from sidecar.sts.endpoints import signing_region
from sidecar.sts.exchange import sts_session
from sidecar.sts.post import StsPost
from sidecar.sts.route import Route
from tests.chains import TARGET_ARN
from tests.conftest import Canary
from tests.doubles import EPOCH, KEY_CANARY, SESSION_CANARY, a_token, credentials
from tests.recorded import recorded
from tests.sts.test_chain_refusals import answer

ISSUED = (
    recorded("issued")
    .replace(b"AssumeRoleWithWebIdentity", b"AssumeRole")
    .replace(b"arn:aws:sts::111122223333:assumed-role/checkout/", b"arn:aws:sts::444455556666:assumed-role/partner/")
)
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
"""EPOCH, as the header writes it."""


class AskedClock:
    """Second 100 of the steady clock; the node's own is `ahead` of STS's."""

    def __init__(self, ahead: float = 0) -> None:
        self.ahead, self.second = ahead, 100.0

    def now(self) -> float:
        return self.second

    def wall(self) -> float:
        return EPOCH + self.ahead + self.second - 100


class Sts:
    """Gives one answer, and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes = ISSUED, date: str = DATE) -> None:
        self.answer = (status, body, date)
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []

    async def respond(self, request: web.Request) -> web.Response:
        self.forms.append(dict(parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True)))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        status, body, date = self.answer
        body = body.replace(b"09:00:00", b"08:15:00" if self.forms[-1]["DurationSeconds"] == "900" else b"09:00:00")
        return web.Response(status=status, body=body, headers={"Date": date, "Content-Type": "text/xml"})


@asynccontextmanager
async def asking(
    sts: Sts, clock: AskedClock | None = None, role_arn: str = TARGET_ARN, **session: Any
) -> AsyncIterator[AssumeRole]:
    app = web.Application()
    app.router.add_post("/", sts.respond)
    clock = clock or AskedClock()
    async with TestServer(app) as server, sts_session(ssl.create_default_context()) as http:
        route = Route(str(server.make_url("/")).rstrip("/"))
        call = ChainedCall(route, "eu-west-1", role_arn, ChainedSessionRequest(**session))
        yield AssumeRole(StsPost(http, clock), call, clock)


def base(*, sts_time: float | None = EPOCH, **changes: Any) -> Base:
    """What the base role holds since a minute."""
    held = credentials(issued_at=40, sts_time=EPOCH - 60)
    return Base(replace(held, sts_time=None if sts_time is None else EPOCH - 60, **changes), a_token().claims)


async def obtained(sts: Sts, given: Base | None = None, clock: AskedClock | None = None, **session: Any) -> Credentials:
    async with asking(sts, clock, **session) as ask:
        return await ask(given or base())


async def test_the_form_has_all_that_a_profile_may_ask_for() -> None:
    sts = Sts()
    await obtained(
        sts,
        duration=900,
        external_id="partner:42",
        policy='{"Version":"2012-10-17","Statement":[]}',
        policy_arns=("arn:aws:iam::444455556666:policy/a", "arn:aws:iam::444455556666:policy/b"),
        tags=(("namespace", "{namespace}"), ("team", "a b")),
        transitive_tags=("namespace",),
        source_identity="checkout",
    )
    assert sts.forms == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": TARGET_ARN,
            "RoleSessionName": "shop.checkout-7c5d8-x2x8q",
            "DurationSeconds": "900",
            "ExternalId": "partner:42",
            "Policy": '{"Version":"2012-10-17","Statement":[]}',
            "PolicyArns.member.1.arn": "arn:aws:iam::444455556666:policy/a",
            "PolicyArns.member.2.arn": "arn:aws:iam::444455556666:policy/b",
            "Tags.member.1.Key": "namespace",
            "Tags.member.1.Value": "shop",
            "Tags.member.2.Key": "team",
            "Tags.member.2.Value": "a b",
            "TransitiveTagKeys.member.1": "namespace",
            "SourceIdentity": "checkout",
        }
    ]


async def test_nothing_is_sent_that_nobody_asked_for() -> None:
    sts = Sts()
    await obtained(sts)
    assert set(sts.forms[0]) == {"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds"}


@pytest.mark.parametrize(
    ("given", "named", "expected"),
    [
        (base(), "audit", "audit"),
        (base(), None, "shop.checkout-7c5d8-x2x8q"),
        (replace(base(), claims=NO_CLAIMS), None, "shop.checkout-7c5d8-x2x8q"),
        (Base(replace(base().credentials, assumed_role_arn=""), NO_CLAIMS), None, "irsa-sidecar"),
    ],
)
async def test_the_session_is_called_as_asked_else_after_the_pod_else_as_the_base_session(
    given: Base, named: str | None, expected: str
) -> None:
    sts = Sts()
    await obtained(sts, given, name=named)
    assert sts.forms[0]["RoleSessionName"] == expected


async def test_what_comes_back_is_the_session_of_the_other_role() -> None:
    found = await obtained(Sts())
    assert found.role_arn == TARGET_ARN
    assert found.assumed_role_arn.startswith("arn:aws:sts::444455556666:assumed-role/partner/")
    assert (found.issued_at, found.expires_at) == (100, 3700)


async def test_an_answer_to_another_question_is_not_taken() -> None:
    with pytest.raises(StsUnavailable, match="not an AssumeRole response"):
        await obtained(Sts(body=recorded("issued")))


async def test_credentials_of_another_role_are_not_taken() -> None:
    with pytest.raises(StsUnavailable, match="another role"):
        await obtained(Sts(), role_arn="arn:aws:iam::444455556666:role/other")


async def test_the_same_answer_is_not_taken_twice() -> None:
    async with asking(Sts()) as ask:
        await ask(base())
        with pytest.raises(StsUnavailable, match="the same credentials"):
            await ask(base())


async def test_a_tag_that_cannot_be_filled_in_is_not_asked_for() -> None:
    sts = Sts()
    with pytest.raises(ClaimMissing):
        await obtained(sts, replace(base(), claims=NO_CLAIMS), tags=(("namespace", "{namespace}"),))
    assert sts.forms == []


@pytest.mark.parametrize("ahead", [0, 7200, -86_400])
async def test_it_is_signed_by_the_clock_of_sts_however_wrong_the_nodes_is(ahead: float) -> None:
    sts = Sts()
    await obtained(sts, clock=AskedClock(ahead))
    assert sts.headers[0]["x-amz-date"] == "20270115T080000Z"


async def test_where_sts_has_never_told_its_time_the_nodes_clock_signs_once_and_the_refusal_sets_it_right() -> None:
    refusal = answer("SignatureDoesNotMatch", 403, "Signature expired: now").body
    sts, clock = Sts(403, refusal), AskedClock(-7200)
    async with asking(sts, clock) as ask:
        with pytest.raises(BaseRefused, match="time of the signature"):
            await ask(base(sts_time=None))
        sts.answer = (200, ISSUED, DATE)
        clock.second += 5
        await ask(base(sts_time=None))
    assert [each["x-amz-date"] for each in sts.headers] == ["20270115T060000Z", "20270115T080005Z"]


async def test_it_is_signed_with_the_base_roles_credentials_and_shows_no_secret(canary: Canary) -> None:
    sts, given = Sts(), base()
    async with asking(sts) as ask:
        canary.saw(ask._form(given, 100), given, ask)
        await ask(given)
    (headers,) = sts.headers
    assert headers["x-amz-security-token"] == SESSION_CANARY
    key_id = given.credentials.access_key_id
    scope = rf"Credential={key_id}/20270115/eu-west-1/sts/aws4_request"
    signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
    assert re.fullmatch(rf"AWS4-HMAC-SHA256 {scope}, {signed}, Signature=[0-9a-f]{{64}}", headers["authorization"])
    assert KEY_CANARY not in str(headers)


async def test_a_refusal_names_both_roles() -> None:
    refusal = answer("AccessDenied", 403, "User: x is not authorized to perform: sts:AssumeRole on resource: y")
    given = base()
    with pytest.raises(ChainRefused) as caught:
        await obtained(Sts(403, refusal.body), given)
    assert caught.value.cause.startswith(f"{given.credentials.assumed_role_arn} may not assume {TARGET_ARN}, or")
    assert caught.value.sts_time == EPOCH


@pytest.mark.parametrize(
    ("url", "setting", "region"),
    [
        ("https://sts.eu-west-1.amazonaws.com", "us-east-2", "eu-west-1"),
        ("https://sts-fips.us-east-2.amazonaws.com", None, "us-east-2"),
        ("https://sts.us-gov-west-1.amazonaws.com", None, "us-gov-west-1"),
        ("https://sts.cn-north-1.amazonaws.com.cn", None, "cn-north-1"),
        ("https://vpce-0a1b.sts.eu-central-1.vpce.amazonaws.com", None, "eu-central-1"),
        ("https://sts.amazonaws.com", None, "us-east-1"),
        ("http://127.0.0.1:9922", "eu-west-3", "eu-west-3"),
        ("http://127.0.0.1:9922", None, "us-east-1"),
    ],
)
def test_the_signature_is_for_the_region_in_the_endpoints_name_else_the_settings(
    url: str, setting: str | None, region: str
) -> None:
    assert signing_region(url, setting) == region
