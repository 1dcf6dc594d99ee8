"""It does not matter when bytes come: with their connection, after it, in parts, over TCP or a unix socket.

What comes with a connection is read before the loop hears of it, what comes later by the loop: two ways to one reader,
which must answer the same, byte for byte.
"""

import asyncio
import contextlib
import re
import socket
from pathlib import Path

import pytest

from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.http.limits import Limits
from sidecar.http.server import serving
from tests.http.corpus import CORPUS
from tests.http.peer import Mirror
from tests.waiting import HANGS_AFTER

DATE = re.compile(rb"Date: [^\r]+\r\n")
CASES = CORPUS | {
    f"{name}, and then the end": data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    for name, data in CORPUS.items()
    if b"\r\n\r\n" in data and b"HTTP/1." in data
}
LIMITS = Limits(connections=1000)


async def answers(address: Address, *parts: bytes) -> bytes:
    """All that the server says to `parts`, each in a packet of its own; the client sends no more, and reads all."""
    loop = asyncio.get_running_loop()
    family = socket.AF_UNIX if isinstance(address, UnixAddress) else socket.AF_INET
    place = str(address.path) if isinstance(address, UnixAddress) else (address.host, address.port)
    with socket.socket(family) as client:
        client.setblocking(False)
        await loop.sock_connect(client, place)
        with contextlib.suppress(OSError):  # what follows a last request may meet a closed door
            for part in parts:
                await loop.sock_sendall(client, part)
                await asyncio.sleep(0.003)
            client.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(HANGS_AFTER):
                while data := await loop.sock_recv(client, 65_536):
                    said += data
    return DATE.sub(b"", said)


@pytest.mark.parametrize("case", CASES)
async def test_the_answers_are_the_same_byte_for_byte(case: str, tmp_path: Path) -> None:
    data, unix = CASES[case], UnixAddress(tmp_path / "s")
    async with serving(Mirror(), _nobody, [TcpAddress("127.0.0.1", 0), unix], LIMITS) as (tcp, _):
        whole, halved, by_unix, halved_by_unix = await asyncio.gather(
            answers(tcp, data),
            answers(tcp, data[: len(data) // 2], data[len(data) // 2 :]),
            answers(unix, data),
            answers(unix, data[:1], data[1:]),
        )
    assert whole.startswith(b"HTTP/1.1 ")
    assert _without_interim(halved) == _without_interim(halved_by_unix) == _without_interim(whole)
    assert by_unix == whole


def _nobody(face: str, request: object, response: object, seconds: float, times: int = 1) -> None:
    """It is counted elsewhere."""


def _without_interim(said: bytes) -> bytes:
    """Whether a client is told to go on depends on whether it has: the one thing that may differ."""
    return said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
