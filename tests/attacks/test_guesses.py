"""Guesses and forged requests against the real handler: none is given a role that has a token of its own."""

import asyncio
import base64
import os
import random
import string
from collections.abc import Callable, Iterator

import pytest

from sidecar.core.model import DEFAULT_ROLE
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import TOKEN_OF_THE_ROLE, Guard
from sidecar.faces.routes import Routes
from sidecar.http.connection import Connection
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import Request, Response
from sidecar.http.pool import ConnectionPool
from tests.doubles import credentials
from tests.faces.kit import LOOPBACK, FixedToken, Source, served_role
from tests.http.peer import ManualClock
from tests.http.scene import FakeTransport
from tests.scale import cases

FORGED = int(os.environ.get("FORGED", cases(200_000, 20_000)))
"""`FORGED=1000000` tries a million, in some minutes."""
AT_A_TIME = 100
A_TOKEN, B_TOKEN = (base64.urlsafe_b64encode(random.Random(seed).randbytes(32)).decode().rstrip("=") for seed in (1, 2))
PATHS = (
    *("/v1/credentials/a", "/v1/credentials/a/", "//v1/credentials//a", "/v1/credentials/%61", "/v1/credentials/a?b"),
    *("/v1/credentials/b", "/v1/credentials", "/", "/v1/credentials/A", "/v1/credentials/a%00", "/v1/credentials/a;b"),
    *("/v1/credentials/b/../a", "/v1/credentials/./a", "http://127.0.0.1/v1/credentials/a", "/v1/credentials/a%2f"),
)
Forge = Callable[[random.Random], bytes]


class Endpoint:
    """The handler of production over two roles that have a token each, and one that is for everybody."""

    def __init__(self) -> None:
        self.held = {name: credentials() for name in (DEFAULT_ROLE, "a", "b")}
        guards = {
            name: Guard(LOOPBACK, FixedToken(token), TOKEN_OF_THE_ROLE)
            for name, token in (("a", A_TOKEN), ("b", B_TOKEN))
        }
        roles = [served_role(Source(held), name, guards.get(name)) for name, held in self.held.items()]
        face = ContainerFace(Routes(roles, DEFAULT_ROLE), Guard(LOOPBACK, NoAuthorization()))

        def observe(face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
            self.answered += times

        self.answered = 0
        self._turns_end: list[Callable[[], None]] = []
        self._pool = ConnectionPool(Limits(), ManualClock(), lambda: False)
        self._handler = RequestHandler(face, observe, self._pool, self._turns_end.append)

    async def ask(self, *requests: bytes) -> list[bytes]:
        """What each gets, on a connection of its own."""
        transports = []
        for data in requests:
            transport = FakeTransport()
            connection = Connection(self._handler, self._pool, transport)
            transport.receiver = connection
            connection.connection_made()
            connection.data_received(data)
            transports.append(transport)
        for _ in range(4):
            while self._turns_end:
                self._turns_end.pop()()
            await asyncio.sleep(0)
        for transport in transports:
            transport.abort()
        return [transport.sent + transport.unsent for transport in transports]


# --- what is sent ----------------------------------------------------------------------------------------------


def get(path: str, *headers: str, host: str = "127.0.0.1") -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", "")).encode("latin-1")


RIGHT = get("/v1/credentials/a", f"Authorization: {A_TOKEN}")
"""What A itself sends, again and again."""


def guessed(dice: random.Random) -> bytes:
    """A token of the right form."""
    token = base64.urlsafe_b64encode(dice.randbytes(32)).decode().rstrip("=")
    return get(dice.choice(PATHS), f"Authorization: {token}")


def nearly_right(dice: random.Random) -> bytes:
    """A's token with one thing wrong."""
    at, sign = dice.randrange(43), dice.choice(string.printable[:94])
    other = sign if sign != A_TOKEN[at] else "!"
    token = dice.choice(
        (
            A_TOKEN[:at] + other + A_TOKEN[at + 1 :],
            A_TOKEN[:at],
            A_TOKEN[at + 1 :],
            A_TOKEN + dice.choice("=Aa0_-,;"),
            f"Bearer {A_TOKEN}",
            f'"{A_TOKEN}"',
            A_TOKEN.swapcase(),
            A_TOKEN[::-1],
            f"{A_TOKEN}, {B_TOKEN}",
            "\xff" + A_TOKEN,
        )
    )
    return get(dice.choice(PATHS), f"Authorization: {token}")


def with_bs_token(dice: random.Random) -> bytes:
    """B's own token, for A's role, by every name and under every header."""
    header = dice.choice(("Authorization", "X-Authorization", "Proxy-Authorization", "authorization "))
    return get(dice.choice(PATHS[:5]), f"{header}: {B_TOKEN}")


def smuggled(dice: random.Random) -> bytes:
    """Two requests in one, or two headers for one: the second in the first one's name."""
    path = dice.choice(PATHS[:5])
    first = get("/v1/credentials/b", f"Authorization: {B_TOKEN}")
    inner = get(path).decode()
    return dice.choice(
        (
            first + get(path),
            get(path, f"Authorization: {B_TOKEN}", "Authorization: "),
            get(path, f"Authorization: {B_TOKEN}", f"Authorization: {A_TOKEN[:-1]}"),
            get("/v1/credentials/b", f"Authorization: {B_TOKEN}", f"Content-Length: {len(inner)}", "", inner),
            get(
                "/v1/credentials/b", f"Authorization: {B_TOKEN}", "Transfer-Encoding: chunked", "", "0\r\n\r\n" + inner
            ),
            get(path, host=f"127.0.0.1, {B_TOKEN}"),
            get("/v1/credentials/b", f"Authorization: {B_TOKEN}", f"X-Original-URL: {path}", f"X-Rewrite-URL: {path}"),
        )
    )


def like_the_right_one(dice: random.Random) -> bytes:
    """The bytes that A sends, which the handler recognises, with a few of the token's unlike."""
    begins = RIGHT.index(A_TOKEN.encode())
    forged = bytearray(RIGHT)
    for at in dice.sample(range(begins, begins + len(A_TOKEN)), dice.randint(1, 4)):
        forged[at] ^= 1 << dice.randrange(7)
    return bytes(forged)


def cut_short(dice: random.Random) -> bytes:
    """Less than all of it, or with something in between."""
    begins = RIGHT.index(A_TOKEN.encode())
    at = dice.randrange(begins, begins + len(A_TOKEN))
    return RIGHT[:at] + dice.choice((b"", b"\0", b"\r\n ", b"\n", b" ", b"\t", b"\x80")) + RIGHT[at + 1 :]


FORGERIES: tuple[Forge, ...] = (guessed, nearly_right, with_bs_token, smuggled, like_the_right_one, cut_short)


def forged_requests(dice: random.Random, count: int) -> Iterator[list[bytes]]:
    for _ in range(count // AT_A_TIME):
        yield [dice.choice(FORGERIES)(dice) for _ in range(AT_A_TIME)]


# --- what comes of it ------------------------------------------------------------------------------------------


@pytest.mark.timeout(900)
async def test_none_of_a_million_forged_requests_is_given_the_role_of_another_container() -> None:
    endpoint = Endpoint()
    keys = {name: held.access_key_id.encode() for name, held in endpoint.held.items()}
    given = dict.fromkeys(keys, 0)
    for requests in forged_requests(random.Random(11), FORGED):
        (answer,) = await endpoint.ask(RIGHT)
        assert keys["a"] in answer, "whom it is for gets it, between all the others"
        for data, answer in zip(requests, await endpoint.ask(*requests), strict=True):
            assert keys["a"] not in answer, data
            for name, key in keys.items():
                given[name] += key in answer
    assert given["a"] == 0
    assert given["b"] > 0 < given[DEFAULT_ROLE], "some of them ask for what they may have"
    assert endpoint.answered > FORGED * 0.9
