"""Each fault as a client meets it, and that it goes as it came."""

import asyncio
import email.utils
import time
from pathlib import Path

import aiohttp
import pytest
from botocore.exceptions import ClientError

from sidecar.lab.events import Changed, TokenProjected
from sidecar.lab.faults import FAULTS, BadFault, Faults
from sidecar.lab.state import StateDirectory
from tests.lab.worlds import World, a_lab, as_json, soon, web_identity, with_spare
from tests.waiting import HANGS_AFTER

NO_KEY = "Couldn't retrieve verification key from your identity provider,  please reference"


async def code_of(world: World) -> str:
    with pytest.raises(ClientError) as caught:
        await world.exchange()
    error = caught.value.response["Error"]
    return f"{caught.value.response['ResponseMetadata']['HTTPStatusCode']} {error['Code']}: {error.get('Message')}"


REFUSALS = [
    ("throttle", None, "400 Throttling: Rate exceeded"),
    ("http-500", None, "500 InternalFailure: "),
    ("http-503", "xml", "503 ServiceUnavailable: "),
    ("http-503", "html", "503 503: "),
    ("http-500", "empty", "500 500: "),
    (
        "region-disabled",
        None,
        "403 RegionDisabledException: STS is not activated in this region for account:111122223333. ",
    ),
    ("denied-elsewhere", None, "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"),
    ("idp-unreachable", None, "400 IDPCommunicationError: "),
    (
        "thumbprint",
        None,
        "400 InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured",
    ),
    ("jwks-empty", None, f"400 InvalidIdentityToken: {NO_KEY}"),
    ("jwks-500", None, f"400 InvalidIdentityToken: {NO_KEY}"),
    ("discovery-issuer", None, f"400 InvalidIdentityToken: {NO_KEY}"),
    *(
        ("discovery-member", member, f"400 InvalidIdentityToken: {NO_KEY}")
        for member in ("issuer", "jwks_uri", "response_types_supported", "subject_types_supported")
    ),
    ("discovery-member", "id_token_signing_alg_values_supported", f"400 InvalidIdentityToken: {NO_KEY}"),
    ("sign-before-publish", None, f"400 InvalidIdentityToken: {NO_KEY}"),
    ("provider-removed", None, "400 InvalidIdentityToken: No OpenIDConnect provider found in your account for http"),
    ("role-deleted", None, "403 AccessDenied: Not authorized"),
    ("policy-changed", None, "403 AccessDenied: Not authorized"),
    ("skew", "3700", "400 ExpiredTokenException: Token expired: current date/time "),
    ("skew", "-60", "400 InvalidIdentityToken: Token is not valid yet"),
]


@pytest.mark.parametrize(("name", "value", "answer"), REFUSALS)
async def test_a_fault_refuses_as_aws_would_and_goes_as_it_came(
    tmp_path: Path, name: str, value: str | None, answer: str
) -> None:
    async with a_lab(tmp_path) as world:
        with_spare(tmp_path)
        await world.exchange()
        world.lab.faults.start(name, value)
        assert (await code_of(world)).startswith(answer)
        world.lab.faults.end(name)
        await world.exchange()


async def broken(world: World, within: float) -> type[BaseException]:
    with pytest.raises((aiohttp.ClientError, TimeoutError)) as caught:
        await asyncio.wait_for(web_identity(world), within)
    return caught.type


@pytest.mark.parametrize(
    ("name", "error"),
    [("hang", TimeoutError), ("reset", aiohttp.ClientOSError), ("truncate", aiohttp.ClientPayloadError)],
)
async def test_a_fault_of_the_wire_breaks_the_call_and_goes_as_it_came(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start(name)
        assert await broken(world, within=0.5 if error is TimeoutError else HANGS_AFTER) is error
        world.lab.faults.end(name)
        assert (await web_identity(world)).status == 200


async def test_a_slow_sts_takes_its_time(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("slow", "0.3")
        before = time.monotonic()
        assert (await web_identity(world)).status == 200
        assert time.monotonic() - before >= 0.3


async def test_an_issuer_slower_than_stss_patience_has_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.lab.aws.token_verification.ISSUER_ANSWERS_WITHIN", 2)
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("jwks-slow", "0.1")
        await world.exchange()
        world.lab.faults.start("jwks-slow", "4")
        assert NO_KEY in await code_of(world)
        assert "TimeoutError" in world.answers[-1].why


async def test_a_skewed_clock_shows_in_the_date_and_in_the_expiration(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("skew", "1800")
        before = int(time.time())
        reply = await web_identity(world)
    date = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert before + 1800 <= date <= time.time() + 1800


HONEST: list[str] = [name for name in FAULTS if name not in ("skew", "token-expired")]


async def test_the_applications_own_call_is_a_fair_witness_in_every_fault_but_skew(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        with_spare(tmp_path)
        held = (await world.exchange())["Credentials"]
        for name in HONEST:
            world.lab.faults.start(name)
            assert (await world.identity(held))["Account"] == "111122223333"


async def test_a_dropped_key_refuses_the_tokens_in_use_until_they_are_replaced(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        with_spare(tmp_path)
        in_use = world.lab.token_file.read_text()
        world.lab.faults.start("drop-old-key")
        with pytest.raises(ClientError, match=NO_KEY):
            await world.exchange(in_use)
        world.lab.projections[0].rotate()
        replaced = world.lab.token_file.read_text()
        await world.exchange(replaced)
        world.lab.faults.end("drop-old-key")
        for token in (in_use, replaced):
            await world.exchange(token)


def projected(world: World) -> list[TokenProjected]:
    return [event for event in world.events if isinstance(event, TokenProjected)]


async def test_an_expired_token_is_projected_at_once_and_replaced_when_the_fault_ends(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("token-expired")
        await soon(lambda: len(projected(world)) == 2)
        with pytest.raises(ClientError, match="ExpiredTokenException"):
            await world.exchange(world.lab.token_file.read_text())
        world.lab.faults.end("token-expired")
        await soon(lambda: len(projected(world)) == 3)
        await world.exchange(world.lab.token_file.read_text())


async def test_signing_before_publishing_reaches_the_projected_token_at_once(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        with_spare(tmp_path)
        world.lab.faults.start("sign-before-publish")
        await soon(lambda: len(projected(world)) == 2)
        with pytest.raises(ClientError, match=NO_KEY):
            await world.exchange(world.lab.token_file.read_text())


async def test_a_policy_of_ones_own_replaces_every_roles(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("policy-changed", as_json(world.policy(Effect="Deny")))
        await code_of(world)
        assert "Statement 0" in world.answers[-1].why or "no Allow" in world.answers[-1].why


async def test_a_change_of_faults_is_told(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        world.lab.faults.start("slow", "2")
        await soon(lambda: Changed("fault slow started (2)") in world.events)
        world.lab.faults.end("slow")
        await soon(lambda: Changed("fault slow ended") in world.events)


def in_memory(tmp_path: Path) -> Faults:
    state = StateDirectory(tmp_path)
    state.create()
    return Faults(state)


def test_a_fault_outlives_the_process_and_is_shared(tmp_path: Path) -> None:
    in_memory(tmp_path).start("slow", "7")
    other = in_memory(tmp_path)
    assert (other.active, other.seconds("slow")) == ({"slow": "7"}, 7.0)
    other.end("slow")
    assert in_memory(tmp_path).active == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonsense", None),
        ("throttle", "5"),
        ("slow", "-1"),
        ("slow", "soon"),
        ("slow", "nan"),
        ("skew", "inf"),
        ("skew", "1e12"),
        ("http-500", "pdf"),
        ("discovery-member", "claims"),
        ("policy-changed", "{}"),
        ("policy-changed", "no json"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_changes_nothing(
    tmp_path: Path, name: str, value: str | None
) -> None:
    faults = in_memory(tmp_path)
    with pytest.raises(BadFault):
        faults.start(name, value)
    assert faults.active == {}


async def test_a_fault_holds_for_a_lab_that_starts_later(tmp_path: Path) -> None:
    in_memory(tmp_path).start("throttle")
    async with a_lab(tmp_path) as world:
        assert (await code_of(world)).startswith("400 Throttling")
