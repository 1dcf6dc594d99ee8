"""A socket on the loop: what is written arrives, whatever the kernel has room for, and the end comes exactly once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from unittest import mock

import pytest

from sidecar.http.platform import DO_NOT_WAIT, MORE_FOLLOWS, READ
from sidecar.http.socket_transport import SocketTransport
from sidecar.http.turns import Turns
from sidecar.http.visits import READ_AT_ONCE, first_bytes
from tests.waiting import HANGS_AFTER

LARGE = b"x" * 3_000_000
"""More than the kernel has room for."""


@dataclass
class Log:
    """A receiver that remembers what it was told."""

    calls: list[str] = field(default_factory=list)
    received: bytes = b""

    def connection_made(self) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> None:
        self.calls.append("end")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self) -> None:
        self.calls.append("lost")

    async def until(self, call: str) -> None:
        async with asyncio.timeout(HANGS_AFTER):
            while call not in self.calls:
                await asyncio.sleep(0.001)

    async def until_received(self, data: bytes) -> None:
        async with asyncio.timeout(HANGS_AFTER):
            while self.received != data:
                await asyncio.sleep(0.001)


@dataclass
class Pair:
    """A transport, and the socket at its other end."""

    transport: SocketTransport
    client: socket.socket
    log: Log

    async def read_all(self) -> bytes:
        async with asyncio.timeout(HANGS_AFTER):
            said = b""
            while data := await asyncio.get_running_loop().sock_recv(self.client, 2**20):
                said += data
            return said


@asynccontextmanager
async def paired(log: Log | None = None, *, sent: bytes = b"") -> AsyncIterator[Pair]:
    """Over TCP; `sent`: what the client has sent before anybody reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    client.sendall(sent)
    client.setblocking(False)
    turns = Turns()
    pair = Pair(SocketTransport(accepted, turns), client, log or Log())
    with client:
        pair.transport.begin(pair.log, first_bytes(accepted))
        try:
            yield pair
        finally:
            pair.transport.abort()
            turns.close()


async def test_what_came_with_the_connection_is_read_at_once_and_answered_at_once() -> None:
    async with paired(sent=b"question") as pair:
        assert pair.log.received == b"question"
        pair.transport.end(b"answer")
        assert (pair.log.calls, pair.client.recv(99), pair.client.recv(99)) == (["made", "lost"], b"answer", b"")


async def test_what_comes_later_is_read_when_it_comes() -> None:
    async with paired() as pair:
        for part in (b"a", b"b"):
            pair.client.send(part)
            await asyncio.sleep(0.005)
        await pair.log.until_received(b"ab")


async def test_what_the_kernel_has_no_room_for_is_kept_and_sent_in_order() -> None:
    async with paired() as pair:
        for part in (LARGE, b"y", b"z"):
            pair.transport.write(part)
        assert pair.log.calls == ["made", "pause"]
        reading = asyncio.create_task(pair.read_all())
        await pair.log.until("resume")
        assert pair.transport._watched == READ, "it would be called for ever"
        pair.transport.write(b"!")
        pair.transport.close()
        assert await reading == LARGE + b"yz!"


async def test_what_is_written_is_sent_at_once() -> None:
    async with paired() as pair:
        pair.transport.write(b"a")
        assert pair.client.recv(99) == b"a"


@pytest.mark.parametrize(("last", "flags"), [(False, DO_NOT_WAIT), (True, DO_NOT_WAIT | MORE_FOLLOWS)])
async def test_only_what_the_end_follows_waits_for_it_in_the_kernel(last: bool, flags: int) -> None:
    sent = mock.Mock(**{"recv.side_effect": BlockingIOError, "send.side_effect": lambda data, _: len(data)})
    transport = SocketTransport(sent, mock.Mock())
    transport.begin(Log(), None)
    if last:
        transport.end(b"a")
    else:
        transport.write(b"a")
    sent.send.assert_called_once_with(b"a", flags)


@pytest.mark.parametrize("last", ["close", "end", "write_eof"])
async def test_the_end_waits_for_what_is_unsent(last: str) -> None:
    async with paired() as pair:
        match last:
            case "close":
                pair.transport.write(LARGE)
                pair.transport.close()
                pair.transport.write(b"too late")
            case "end":
                pair.transport.end(LARGE)
            case "write_eof":
                pair.transport.write(LARGE)
                pair.transport.write_eof()
        assert pair.log.calls == ["made", "pause"]
        assert await pair.read_all() == LARGE
        await pair.log.until("resume" if last == "write_eof" else "lost")


async def test_whoever_has_said_all_may_listen_on() -> None:
    async with paired() as pair:
        pair.transport.write(b"bye")
        pair.transport.write_eof()
        assert await pair.read_all() == b"bye"
        pair.client.send(b"wait")
        await pair.log.until_received(b"wait")


async def test_held_back_bytes_wait_and_none_is_lost() -> None:
    async with paired() as pair:
        pair.transport.pause_reading()
        pair.client.send(b"patience")
        await asyncio.sleep(0.01)
        assert pair.log.received == b""
        pair.transport.resume_reading()
        await pair.log.until_received(b"patience")


async def test_a_read_that_takes_all_it_can_says_that_there_may_be_more() -> None:
    async with paired(sent=b"x" * READ_AT_ONCE + b"y") as pair:
        assert pair.transport.unread
        await pair.log.until_received(b"x" * READ_AT_ONCE + b"y")
        assert not pair.transport.unread


async def test_the_client_s_end_is_told_once_and_closes() -> None:
    async with paired() as pair:
        pair.client.close()
        await pair.log.until("end")
        pair.transport.close()
        assert pair.log.calls == ["made", "end", "lost"]


async def test_the_client_s_end_is_told_once_though_our_half_stays_open_and_reading_goes_on() -> None:
    async with paired() as pair:
        pair.client.shutdown(socket.SHUT_WR)
        await pair.log.until("end")
        pair.transport.pause_reading()
        pair.transport.resume_reading()
        pair.transport.write(b"still here")
        await asyncio.sleep(0.01)
        pair.transport.close()
        assert (await pair.read_all(), pair.log.calls) == (b"still here", ["made", "end", "lost"])


@pytest.mark.parametrize("size", [1, len(LARGE)])
async def test_a_client_that_vanishes_is_lost_once_whatever_we_do_after_it(size: int) -> None:
    async with paired() as pair:
        pair.transport.pause_reading()
        pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        pair.client.close()
        for _ in range(3):
            pair.transport.write(b"x" * size)
            pair.transport.write_eof()
            pair.transport.resume_reading()
            pair.transport.close()
        await pair.log.until("lost")
        assert pair.log.calls.count("lost") == 1


async def test_a_client_that_vanishes_while_we_wait_for_room_is_lost() -> None:
    async with paired() as pair:
        pair.transport.write(LARGE)
        await pair.log.until("pause")
        pair.client.close()
        await pair.log.until("lost")
        assert pair.log.calls[-1] == "lost"


async def test_whoever_is_refused_as_they_come_is_not_read_from() -> None:
    class Refusing(Log):
        def connection_made(self) -> None:
            pair_transport.end(b"no")

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"please")
        accepted, _ = listener.accept()
        pair_transport = SocketTransport(accepted, Turns())
        log = Refusing()
        pair_transport.begin(log, first_bytes(accepted))
        assert (log.received, log.calls) == (b"", ["lost"])
