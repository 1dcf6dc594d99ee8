"""Whoever can answer as STS gets nothing written, run or served that STS would not have said."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from sidecar.client.running_sidecar import NotServed, _credentials
from sidecar.core.credential_grammar import fault_in
from sidecar.core.errors import StsUnavailable, WorseCredentials
from sidecar.core.model import Credentials, UnixTime
from sidecar.faces.shared_file import Unwritable, shared_file
from sidecar.http.addresses import TcpAddress
from sidecar.sts.answer import Answer, credentials_in, refusal_in
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.sts.plausibility import Clocks, DateSeen, LastAnswer, Presented, check_new
from tests.doubles import EPOCH, ROLE_ARN, Pod, a_token, credentials
from tests.recorded import recorded
from tests.virtual_time import in_virtual_time

ISSUED = recorded("issued")
WEB_IDENTITY, CHAIN = "AssumeRoleWithWebIdentity", "AssumeRole"
KEY_ID = b"ASIAMADEUPMADEUPMADE"
SECRET = b"canary/in/the/secret/key"
TOKEN = b"canary/in/the/session/token+and=="
EXPIRATION = b"2027-01-15T09:00:00Z"
ASSUMED = b"arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout-7c5d8-x2x8q"
SECOND_PROFILE = b"&#10;[default]&#10;credential_process = touch /tmp/owned&#10;"


def taken(
    body: bytes, date: UnixTime | None = EPOCH, *, from_aws: bool = False, action: str = WEB_IDENTITY
) -> Credentials:
    return credentials_in(
        Answer(200, body, date, "id"),
        action=action,
        role_arn=ROLE_ARN,
        duration=3600,
        asked_at=100,
        asked_at_wall=EPOCH,
        from_aws=from_aws,
    )


def entity_in_utf16() -> bytes:
    unfolding = b'<!DOCTYPE x [<!ENTITY a "' + b"A" * 2000 + b'">]>' + ISSUED.replace(TOKEN, b"&a;" * 2000)
    return b"\xff\xfe" + unfolding.decode().encode("utf-16-le")


def added(element: bytes) -> bytes:
    return ISSUED.replace(b"</Credentials>", element + b"</Credentials>")


PARTS = {"key id": KEY_ID, "secret": SECRET, "session token": TOKEN}
POISONS = {
    "a second profile": SECOND_PROFILE,
    "a line break": b"&#13;x",
    "a tab": b"&#9;aws_access_key_id",
    "an escape sequence": "\x9b31m".encode(),
    "a comment": b" # ; ",
    "an interpolation": b"%(aws_session_token)s",
    "a shell's substitution": b"$(id)",
    "letters of another script": "\u0391\u0415".encode(),
    "a surrogate": b"&#xD800;",
    "a lot": b"A" * 20_000,
}
POISONED = [
    pytest.param(ISSUED.replace(text, text + poison), id=f"{part} with {name}")
    for part, text in PARTS.items()
    for name, poison in POISONS.items()
]
TAMPERED = {
    "another role": ISSUED.replace(b"assumed-role/checkout/", b"assumed-role/administrator/"),
    "a role whose name begins the same": ISSUED.replace(b"assumed-role/checkout/", b"assumed-role/checkout2/"),
    "another account": ISSUED.replace(b"sts::111122223333", b"sts::999999999999"),
    "another partition": ISSUED.replace(b"arn:aws:sts", b"arn:aws-cn:sts"),
    "a user": ISSUED.replace(ASSUMED, b"arn:aws:iam::111122223333:user/checkout"),
    "a line break in the ARN": ISSUED.replace(ASSUMED, ASSUMED + b"&#10;x"),
    "a long session name": ISSUED.replace(ASSUMED, ASSUMED + b"x" * 64),
    "no session name": ISSUED.replace(b"checkout/shop.checkout-7c5d8-x2x8q</Arn>", b"checkout/</Arn>"),
    "an expiration in 2099": ISSUED.replace(EXPIRATION, b"2099-01-01T00:00:00Z"),
    "an expiration in 9999": ISSUED.replace(EXPIRATION, b"9999-12-31T23:59:59.999999Z"),
    "an expiration beyond what a date holds": ISSUED.replace(EXPIRATION, b"9999-12-31T23:59:59-23:59"),
    "an expiration before the year 1": ISSUED.replace(EXPIRATION, b"0001-01-01T00:00:00+23:59"),
    "an expired answer": ISSUED.replace(EXPIRATION, b"2026-01-15T09:00:00Z"),
    "an expiration in another script": ISSUED.replace(EXPIRATION, "२०२७-01-15T09:00:00Z".encode()),
    "two key ids": added(b"<AccessKeyId>ASIAOTHEROTHEROTHERO</AccessKeyId>"),
    "two expirations": added(b"<Expiration>2027-01-15T08:59:00Z</Expiration>"),
    "entities in UTF-16": entity_in_utf16(),
    "entities in UTF-8": b'<!DOCTYPE x [<!ENTITY a "b">]>' + ISSUED,
    "an external entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + ISSUED.replace(TOKEN, b"&a;"),
    "another encoding": b'<?xml version="1.0" encoding="utf-7"?>' + ISSUED,
    "UTF-16": ISSUED.decode().encode("utf-16"),
    "a null": ISSUED.replace(KEY_ID, KEY_ID + b"\0"),
    "depth": b"<a>" * 9000 + b"</a>" * 9000,
    "a namespace of somebody else's around a part": ISSUED.replace(b"<AccessKeyId>", b"<AccessKeyId><x/>"),
}  # fmt: skip


@pytest.mark.parametrize("body", POISONED)
def test_a_part_outside_its_grammar_never_becomes_credentials(body: bytes) -> None:
    with pytest.raises(StsUnavailable) as caught:
        taken(body)
    assert "owned" not in str(caught.value)


@pytest.mark.parametrize("body", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_answer_never_becomes_credentials(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(StsUnavailable):
        taken(body)
    assert time.process_time() - began < 5


def of_a_chain(body: bytes) -> bytes:
    """What STS answers to AssumeRole: the same elements under other names."""
    if body.startswith(b"\xff\xfe"):
        return body.decode("utf-16").replace(WEB_IDENTITY, CHAIN).encode("utf-16")
    return body.replace(WEB_IDENTITY.encode(), CHAIN.encode())


def test_an_answer_to_the_other_call_is_no_answer() -> None:
    assert taken(of_a_chain(ISSUED), action=CHAIN).access_key_id == KEY_ID.decode()
    for body, action in ((ISSUED, CHAIN), (of_a_chain(ISSUED), WEB_IDENTITY)):
        with pytest.raises(StsUnavailable):
            taken(body, action=action)


@pytest.mark.parametrize("body", [*POISONED, *(pytest.param(body, id=name) for name, body in TAMPERED.items())])
def test_a_chain_takes_no_tampered_answer_either(body: bytes) -> None:
    with pytest.raises(StsUnavailable):
        taken(of_a_chain(body), action=CHAIN)


def test_aws_names_the_assumed_role_always() -> None:
    unnamed = ISSUED.replace(ASSUMED, b"")
    assert taken(unnamed).assumed_role_arn == ""
    with pytest.raises(StsUnavailable):
        taken(unnamed, from_aws=True)


def test_a_code_and_an_id_carry_nothing_to_a_terminal() -> None:
    told = refusal_in(
        Answer(400, "<E><Code>A\u009b31m\u202e B</Code><RequestId>i&#10;d</RequestId></E>".encode(), None, "")
    )
    assert told is not None
    assert (told.code, told.request_id) == ("A?31m??B", "i?d")


# --- replayed answers ----------------------------------------------------------------------------------------------


def test_an_answer_from_before_the_token_is_a_replay() -> None:
    with pytest.raises(StsUnavailable, match="older than the token"):
        Clocks(wall=EPOCH, date=EPOCH - 3600).check(Presented.of_token(a_token().claims))


def test_an_answer_that_is_old_by_both_clocks_is_a_replay() -> None:
    old_token = a_token(issued_at=EPOCH - 7200).claims
    with pytest.raises(StsUnavailable, match="3600 s old"):
        Clocks(wall=EPOCH, date=EPOCH - 3600, expected=EPOCH).check(Presented.of_token(old_token))


@pytest.mark.parametrize(("wall", "expected"), [(EPOCH + 3600, EPOCH), (EPOCH, EPOCH + 3600), (EPOCH - 3600, EPOCH)])
def test_one_wrong_clock_alone_does_not_cost_credentials(wall: UnixTime, expected: UnixTime) -> None:
    Clocks(wall=wall, date=EPOCH, expected=expected).check(Presented.of_token(a_token().claims))


def test_a_date_from_after_the_tokens_end_is_written_by_somebody_else() -> None:
    with pytest.raises(StsUnavailable, match="after the end of the token"):
        Clocks(wall=EPOCH, date=EPOCH + 10 * 86_400).check(Presented.of_token(a_token().claims))


@pytest.mark.parametrize("date", [None, EPOCH - 1, EPOCH])
def test_the_same_session_under_no_later_date_is_a_replay(date: float | None) -> None:
    with pytest.raises(StsUnavailable, match="same credentials"):
        check_new("token", date, LastAnswer("token", DateSeen(EPOCH, 0)))


def test_the_same_session_without_any_date_is_a_replay() -> None:
    with pytest.raises(StsUnavailable, match="same credentials"):
        check_new("token", EPOCH, LastAnswer("token", None))


def test_a_server_that_gives_one_session_for_a_while_is_believed_by_its_running_clock() -> None:
    check_new("token", EPOCH + 1, LastAnswer("token", DateSeen(EPOCH, 0)))


@in_virtual_time
async def test_better_credentials_are_not_replaced_by_worse() -> None:
    pod = Pod(3600, 60)
    async with pod.running():
        await pod.until(1925)
        assert isinstance(pod.broker.state.error, WorseCredentials)
        await pod.until(3400)
        assert pod.served().expires_at == 3600
        pod.exchange.will(3600)
        await pod.until(3500)
        assert pod.served().expires_at > 3600


@in_virtual_time
async def test_a_worse_session_is_taken_once_it_is_the_better() -> None:
    pod = Pod(3600, 900)
    async with pod.running():
        await pod.until(3590)
        assert pod.served().lifetime == 900


# --- too much ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pouring(chunk: bytes) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """A server that writes `chunk` without end; gives its URL, and how many bytes it got rid of."""
    poured = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal poured
        await reader.readline()
        try:
            for _ in count():
                writer.write(chunk)
                poured += len(chunk)
                await writer.drain()
        except OSError:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: poured


FLOODS = {
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 2000,
    "interim answers with long headers": b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 7000 + b"\r\n\r\n",
    "a body": b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"A" * 65_536,
    "headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000,
    "bytes": b"\0" * 65_536,
}


class NodeClock:
    def now(self) -> float:
        return 100

    def wall(self) -> float:
        return EPOCH


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.parametrize("by_proxy", [False, True], ids=["sts", "proxy"])
async def test_an_endless_answer_ends_at_once(flood: bytes, by_proxy: bool) -> None:
    async with pouring(flood) as (url, poured), sts_session(ssl.create_default_context()) as http:
        call = StsCall(
            endpoint="https://sts.eu-west-1.amazonaws.com" if by_proxy else url,
            role_arn=ROLE_ARN,
            duration=3600,
            proxy=url if by_proxy else None,
        )
        with pytest.raises(Exception) as caught:
            await StsExchange(http, call, NodeClock())(a_token())
        assert type(caught.value).__name__ in {"StsUnavailable", "StsUnreachable"}
        assert poured() < 8 << 20  # what the sockets' buffers take


# --- what we write -------------------------------------------------------------------------------------------------

WRITTEN_BY_OTHERS = [
    "x\n[default]\ncredential_process = id",
    "x\0",
    "\x1b[31m",
    "",
    "sp ace",
    "\ud800",
    "ä" * 20,
    7,
    None,
]


@pytest.mark.parametrize("part", ["access_key_id", "secret_access_key", "session_token"])
@pytest.mark.parametrize("text", WRITTEN_BY_OTHERS[:7])
def test_the_credentials_file_refuses_what_would_end_a_line(part: str, text: str) -> None:
    poisoned: dict[str, Any] = {part: text}
    with pytest.raises(Unwritable):
        shared_file({"default": replace(credentials(), **poisoned)})


@pytest.mark.parametrize("profile", ["a]\n[b", "\x1b", "x]"])
def test_the_credentials_file_refuses_a_profile_that_is_none(profile: str) -> None:
    with pytest.raises(Unwritable):
        shared_file({profile: credentials()})


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId"])
@pytest.mark.parametrize("text", [text for text in WRITTEN_BY_OTHERS if text != ""])
def test_a_foreign_listener_puts_nothing_into_a_programs_environment(name: str, text: object) -> None:
    told = {
        "AccessKeyId": KEY_ID.decode(),
        "SecretAccessKey": SECRET.decode(),
        "Token": TOKEN.decode(),
        "Expiration": EXPIRATION.decode(),
    }
    with pytest.raises(NotServed):
        _credentials(told | {name: text}, TcpAddress("127.0.0.1", 9911))


def test_what_sts_servers_write_is_within_the_grammar() -> None:
    for server in ("issued", "minio/issued", "ceph/issued", "seaweedfs/issued"):
        held = credentials_in(
            Answer(200, recorded(server), EPOCH),
            role_arn="arn:aws:iam:::role/S3Access" if "ceph" in server else ROLE_ARN,
            duration=3600,
            asked_at=0,
            asked_at_wall=EPOCH,
        )
        assert fault_in(held.access_key_id, held.secret_access_key, held.session_token) == ""
