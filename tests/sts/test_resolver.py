"""Names are looked up beside the loop: a name server that is silent holds up nobody, and costs one thread."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.sts import resolver
from sidecar.sts.resolver import Resolver
from tests.waiting import HANGS_AFTER

V4: Any = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 443))
V6: Any = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::7", 443, 0, 0))


class NameServer:
    """Answers once it is `free` to."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[Any]:
        self.asked.append(host)
        self.free.wait(HANGS_AFTER)
        return [V6, V4]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.free.set()


async def test_it_gives_each_address_as_aiohttp_wants_it(names: NameServer) -> None:
    names.free.set()
    found = await Resolver().resolve("sts.example", 443, socket.AF_UNSPEC)
    assert [(each["hostname"], each["host"], each["port"], each["family"]) for each in found] == [
        ("sts.example", "2001:db8::7", 443, socket.AF_INET6),
        ("sts.example", "192.0.2.7", 443, socket.AF_INET),
    ]


async def test_a_silent_name_server_is_given_up_and_called_by_its_name(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "RESOLVE_WITHIN", 0.05)
    with pytest.raises(TimeoutError) as silent:
        await Resolver().resolve("sts.example", 443)
    assert silent.value.errno  # by which aiohttp knows it for a failed look-up


async def test_of_one_name_there_is_one_look_up_at_a_time_however_often_it_is_given_up(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "RESOLVE_WITHIN", 0.05)
    asking = Resolver()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asking.resolve("sts.example", 443)
    monkeypatch.setattr(resolver, "RESOLVE_WITHIN", HANGS_AFTER)
    again = asyncio.create_task(asking.resolve("sts.example", 443))
    await asyncio.sleep(0)
    names.free.set()
    assert len(await again) == 2
    assert names.asked == ["sts.example"]
    await asking.resolve("sts.example", 443)
    assert names.asked == ["sts.example", "sts.example"]  # nothing is remembered
