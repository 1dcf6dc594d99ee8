"""GetCallerIdentity and AssumeRole, signed by boto3 itself: who holds what STS issued, and nobody else."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sidecar.lab.aws.answers import StsRefusal
from sidecar.lab.aws.sessions import Sessions
from sidecar.lab.aws.sigv4 import SignedRequest, authenticate, signature
from tests.lab.worlds import Reply, World, a_lab, post

NOW = 1_900_000_000.0


async def credentials(world: World, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await world.exchange(**parameters))["Credentials"]
    return found


async def refusal(world: World, held: dict[str, Any], **config: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        await world.identity(held, **config)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


async def test_whoever_holds_issued_credentials_is_told_who_he_is(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        answer = await world.exchange(RoleSessionName="default.app-0")
        identity = await world.identity(answer["Credentials"])
    assert identity["Account"] == "111122223333"
    assert identity["Arn"] == "arn:aws:sts::111122223333:assumed-role/demo/default.app-0"
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


async def test_a_wrong_secret_does_not_sign(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        held = await credentials(world)
        wrong = held["SecretAccessKey"][:-1] + ("A" if held["SecretAccessKey"][-1] != "A" else "B")
        status, code, message = await refusal(world, held | {"SecretAccessKey": wrong})
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert message.startswith("The request signature we calculated does not match")


@pytest.mark.parametrize("place", [0, 40, 80, -6])
async def test_a_session_token_with_one_character_changed_is_unknown(tmp_path: Path, place: int) -> None:
    async with a_lab(tmp_path) as world:
        held = await credentials(world)
        text = list(held["SessionToken"])
        text[place] = "A" if text[place] != "A" else "B"
        answer = await refusal(world, held | {"SessionToken": "".join(text)})
    assert answer == (403, "InvalidClientTokenId", "The security token included in the request is invalid.")


@pytest.mark.parametrize("change", [{"SessionToken": None}, {"SessionToken": "?"}, {"AccessKeyId": "ASIA" + "A" * 16}])
async def test_a_stranger_is_unknown(tmp_path: Path, change: dict[str, Any]) -> None:
    async with a_lab(tmp_path) as world:
        answer = await refusal(world, await credentials(world) | change)
    assert answer[1] == "InvalidClientTokenId"


async def test_two_sessions_cannot_be_mixed(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        one, two = await credentials(world), await credentials(world)
        answer = await refusal(world, one | {"SessionToken": two["SessionToken"]})
    assert answer[1] == "InvalidClientTokenId"


async def test_credentials_end_at_their_expiration(tmp_path: Path) -> None:
    offset = 0.0
    async with a_lab(tmp_path, clock=lambda: time.time() + offset, session_lifetime=30) as world:
        held = await credentials(world)
        offset = 28
        await world.identity(held)
        offset = 30
        answer = await refusal(world, held)
    assert answer == (403, "ExpiredToken", "The security token included in the request is expired")


async def test_an_unsigned_call_lacks_its_token(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        reply = await post(world.lab.sts_url, {"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    assert (reply.status, reply.find("Code")) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20300317/us-east-1/sts/aws4_request, SignedHeaders=, Signature=0",
    ],
)
async def test_half_a_signature_is_incomplete(tmp_path: Path, authorization: str) -> None:
    async with a_lab(tmp_path) as world:
        form = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
        reply: Reply = await post(world.lab.sts_url, form, {"Authorization": authorization})
    assert (reply.status, reply.find("Code")) == (400, "IncompleteSignature")


async def test_a_signature_for_another_region_is_refused(tmp_path: Path) -> None:
    async with a_lab(tmp_path, region="eu-west-1") as world:
        held = await credentials(world)
        assert (await world.identity(held, region_name="eu-west-1"))["Account"] == "111122223333"
        status, code, message = await refusal(world, held, region_name="us-east-1")
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert "valid region" in message


async def test_a_clock_more_than_five_minutes_off_is_told_so(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        held = await credentials(world)
        for skew, words in (("301", "Signature expired: "), ("-320", "Signature not yet current: ")):
            world.lab.faults.start("skew", skew)
            status, code, message = await refusal(world, held)
            assert (status, code) == (403, "SignatureDoesNotMatch")
            assert message.startswith(words)
        world.lab.faults.start("skew", "290")
        await world.identity(held)


# --- the arithmetic, without a network ---------------------------------------------------------------------------


def signed(**changes: Any) -> tuple[SignedRequest, Sessions]:
    """A request that is rightly signed for the instant NOW, then changed."""
    sessions = Sessions(b"k" * 32)
    issued = sessions.issue(
        arn="arn:aws:sts::1:assumed-role/a/b", assumed_role_id="A:b", role_arn="r", expires_at=NOW + 60
    )
    key_id = issued.session.access_key_id
    date = datetime.fromtimestamp(changes.pop("at", NOW), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": ["x"], "x-amz-date": [date], "x-amz-security-token": [issued.session_token]}
    request = SignedRequest("POST", "/", "", headers, b"Action=GetCallerIdentity")
    names = changes.pop("names", ("host", "x-amz-date", "x-amz-security-token"))
    scope = changes.pop("scope", f"{date[:8]}/us-east-1/sts/aws4_request")
    found = signature(request, names, scope, date, issued.secret_access_key)
    credential = f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={found}"
    headers["authorization"] = [credential]
    fields = {"method": "POST", "path": "/", "query": "", "headers": headers, "body": request.body} | changes
    return SignedRequest(**fields), sessions


def refused(request: SignedRequest, sessions: Sessions, now: float = NOW) -> str:
    with pytest.raises(StsRefusal) as caught:
        authenticate(request, sessions, now, region="us-east-1")
    return f"{caught.value.code}: {caught.value.message}"


def test_a_rightly_signed_request_is_recognised() -> None:
    request, sessions = signed()
    assert authenticate(request, sessions, NOW, region="us-east-1").arn == "arn:aws:sts::1:assumed-role/a/b"


@pytest.mark.parametrize(
    "change", [{"body": b"Action=AssumeRole"}, {"method": "GET"}, {"path": "/x"}, {"query": "a=b"}]
)
def test_whatever_is_changed_after_signing_shows(change: dict[str, Any]) -> None:
    assert refused(*signed(**change)).startswith("SignatureDoesNotMatch: The request signature we calculated")


def test_headers_of_the_caller_and_the_host_must_be_signed() -> None:
    assert "'host' must be a 'SignedHeader'" in refused(*signed(names=("x-amz-date", "x-amz-security-token")))
    assert "'x-amz-security-token' must be" in refused(*signed(names=("host", "x-amz-date")))


def test_a_signature_for_another_service_or_day_is_refused() -> None:
    assert "correct service: 'sts'" in refused(*signed(scope="20300317/us-east-1/s3/aws4_request"))
    assert "Date in Credential scope" in refused(*signed(scope="20300316/us-east-1/sts/aws4_request"))


@pytest.mark.parametrize(("off", "fits"), [(-300, True), (-301, False), (300, True), (301, False)])
def test_the_window_is_five_minutes_either_way(off: int, fits: bool) -> None:
    request, sessions = signed(at=NOW + off)
    if fits:
        authenticate(request, sessions, NOW, region="us-east-1")
    else:
        assert "5 min." in refused(request, sessions)


def test_no_secret_is_in_a_repr() -> None:
    issued = Sessions(b"k" * 32).issue(arn="a:b:c:d:e", assumed_role_id="A", role_arn="r", expires_at=0)
    assert issued.secret_access_key not in repr(issued)
    assert issued.session_token not in repr(issued)
