"""The container-credentials endpoint: each route, method, host and authorization, and what comes back."""

import asyncio
import json

import pytest

from sidecar.core.errors import NoCredentials, SidecarError, StsUnreachable
from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.authorization import NoAuthorization
from sidecar.http.messages import Repeatable, Request
from sidecar.sts.answer import Answer
from sidecar.sts.refusal import failure_of
from tests.conftest import Canary
from tests.doubles import ROLE_ARN, TOKEN_CANARY, Pod, a_token, credentials
from tests.faces.kit import AUTH_TOKEN, OneToken, Source, answered, body, container_face, request
from tests.virtual_time import in_virtual_time

UNREACHABLE = StsUnreachable("STS is not reachable.", fix="Check the network.")
NOTHING = NoCredentials(UNREACHABLE, cause=UNREACHABLE.cause, fix=UNREACHABLE.fix, retry_after=4)

GOOD = request(authorization=AUTH_TOKEN)
TABLE = [
    ("the route", GOOD, 200),
    ("the short route", request("/", authorization=AUTH_TOKEN), 200),
    ("HEAD", request(method="HEAD", authorization=AUTH_TOKEN), 200),
    ("localhost in capitals", request(host="LOCALHOST:80", authorization=AUTH_TOKEN), 200),
    ("IPv6", request(host="[::1]:9911", authorization=AUTH_TOKEN), 200),
    ("no authorization", request(), 401),
    ("empty authorization", request(authorization=""), 401),
    ("wrong authorization", request(authorization="x"), 401),
    ("Bearer", request(authorization=f"Bearer {AUTH_TOKEN}"), 401),
    ("another host", request(host="evil.example", authorization=AUTH_TOKEN), 403),
    ("no host", Request("GET", "/", {"authorization": AUTH_TOKEN}), 403),
    ("through a proxy", request(x_forwarded_for="10.0.0.1", authorization=AUTH_TOKEN), 403),
    ("another path", request("/v2/credentials", authorization=AUTH_TOKEN), 404),
    ("a slash at the end", request("/v1/credentials/", authorization=AUTH_TOKEN), 200),
    ("a doubled slash", request("//v1/credentials", authorization=AUTH_TOKEN), 200),
    ("nothing but slashes", request("//", authorization=AUTH_TOKEN), 200),
    ("a longer path", request("/v1/credentials/more", authorization=AUTH_TOKEN), 404),
    ("an encoded path", request("/v1%2Fcredentials", authorization=AUTH_TOKEN), 404),
    ("POST", request(method="POST", authorization=AUTH_TOKEN), 405),
    ("OPTIONS", request(method="OPTIONS", authorization=AUTH_TOKEN), 405),
    ("an invented method", request(method="BREW", authorization=AUTH_TOKEN), 405),
    ("another host before everything else", request("/x", "POST", host="evil.example"), 403),
    ("another path before the method", request("/x", "POST", authorization=AUTH_TOKEN), 404),
]


@pytest.mark.parametrize(("row", "asked", "status"), TABLE, ids=[row for row, *_ in TABLE])
async def test_each_request_has_its_status(row: str, asked: Request, status: int) -> None:
    answer = await answered(container_face(Source(credentials()), authorization=OneToken()), asked)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Allow" in answer.headers) == (status == 405)
    assert set(body(answer)) >= ({"AccessKeyId"} if status == 200 else {"code", "message", "Code", "Message"})


def test_credentials_that_are_held_are_shown_without_waiting() -> None:
    for authorization in (OneToken(), NoAuthorization()):
        face = container_face(Source(credentials()), authorization=authorization)
        assert isinstance(face.answer(request(authorization=AUTH_TOKEN)), Repeatable)


@pytest.mark.parametrize(("row", "asked", "status"), TABLE, ids=[row for row, *_ in TABLE])
async def test_whoever_is_refused_causes_no_look_at_the_credentials(row: str, asked: Request, status: int) -> None:
    source = Source(credentials())
    await answered(container_face(source, authorization=OneToken()), asked)
    assert source.asked == (1 if status == 200 else 0)


async def test_a_405_names_the_methods() -> None:
    answer = await answered(container_face(Source(credentials())), request(method="DELETE"))
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_without_a_token_to_ask_for_any_authorization_is_ignored() -> None:
    for asked in (request(), request(authorization="whatever")):
        assert (await answered(container_face(Source(credentials())), asked)).status == 200


async def test_with_nothing_valid_it_is_503_with_the_reason_and_when_to_come_back() -> None:
    answer = await answered(container_face(Source(after_waiting=NOTHING)), request())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "4")
    assert body(answer) == {
        "code": "StsUnreachable",
        "message": "STS is not reachable. Check the network.",
        "Code": "StsUnreachable",
        "Message": "STS is not reachable. Check the network.",
    }


async def test_what_came_while_waiting_is_served() -> None:
    held = credentials()
    answer = await answered(container_face(Source(after_waiting=held)), request())
    assert (answer.status, body(answer)["AccessKeyId"]) == (200, held.access_key_id)


async def test_the_document_is_rendered_once_per_credential() -> None:
    source = Source(credentials())
    face = container_face(source)
    first = await answered(face, request())
    assert await answered(face, request("/")) is first
    source.holds = credentials()
    second = await answered(face, request())
    assert body(second)["AccessKeyId"] == source.holds.access_key_id
    assert await answered(face, request()) is second


async def test_credentials_that_were_served_once_are_not_served_when_they_are_gone() -> None:
    source = Source(credentials(), after_waiting=NOTHING)
    face = container_face(source)
    assert (await answered(face, request())).status == 200
    source.holds = None
    assert (await answered(face, request())).status == 503


@pytest.mark.parametrize("reason", [None, UNREACHABLE])
async def test_a_refusal_of_any_kind_becomes_an_answer(reason: SidecarError | None) -> None:
    nothing = NoCredentials(reason, cause="c", fix="f", retry_after=1)
    answer = await answered(container_face(Source(after_waiting=nothing)), request())
    assert body(answer)["Code"] == ("NoCredentials" if reason is None else "StsUnreachable")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ("InvalidIdentityToken", f"Couldn't retrieve verification key; token was {TOKEN_CANARY}"),
        ("SomethingNew", f"A sentence that nobody has seen, with {TOKEN_CANARY}"),
    ],
)
async def test_stss_own_words_never_reach_a_client(code: str, message: str) -> None:
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    answer = Answer(400, text.encode())
    failure = failure_of(answer, claims=a_token().claims, role_arn=ROLE_ARN, now=0)
    nothing = NoCredentials(failure, cause=failure.cause, fix=failure.fix, retry_after=1)
    shown = json.dumps(body(await answered(container_face(Source(after_waiting=nothing)), request())))
    assert message not in shown
    assert TOKEN_CANARY not in shown


async def test_requests_and_answers_hide_their_secrets(canary: Canary) -> None:
    answer = await answered(container_face(Source(credentials())), request())
    canary.saw(answer, request(authorization=TOKEN_CANARY))


@in_virtual_time
async def test_behind_a_real_broker_the_first_request_waits_and_a_dying_credential_is_withdrawn() -> None:
    pod = Pod(20, UNREACHABLE)
    face = container_face(pod.broker)
    async with pod.running():
        assert (await answered(face, request())).status == 200
        await asyncio.sleep(20 - RefreshPolicy().margin - pod.clock.now() - 0.001)
        assert (await answered(face, request())).status == 200
        await asyncio.sleep(0.001)
        answer = await answered(face, request())
    assert (answer.status, body(answer)["Code"]) == (503, "StsUnreachable")
