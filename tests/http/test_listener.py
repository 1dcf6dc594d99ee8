"""Where we listen: addresses that can be bound, and those that cannot."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from sidecar.http import server
from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.http.binding import CannotListen
from sidecar.http.limits import Limits
from sidecar.http.listener import CROWD, Listener, listeners
from sidecar.http.pool import ConnectionPool
from sidecar.http.server import serving
from sidecar.http.turns import Turns
from tests.admin.kit import SetRole, served_admin
from tests.doubles import credentials
from tests.faces.kit import ANY_PORT, Requests, Source, container_face
from tests.http.peer import Mirror, request
from tests.needs import on_ipv6, on_linux
from tests.waiting import HANGS_AFTER

FACE = container_face(Source(credentials()))


def only(addresses: tuple[Address, ...]) -> TcpAddress:
    (address,) = addresses
    assert isinstance(address, TcpAddress)
    return address


async def status_at(address: Address) -> int:
    connector = aiohttp.UnixConnector(str(address.path)) if isinstance(address, UnixAddress) else None
    host = "localhost" if isinstance(address, UnixAddress) else address
    async with aiohttp.ClientSession(connector=connector) as http, http.get(f"http://{host}/") as answer:
        return answer.status


async def a_free_address() -> TcpAddress:
    async with serving(FACE, Requests(), [ANY_PORT]) as addresses:
        return only(addresses)


async def test_port_0_becomes_a_port_that_answers() -> None:
    async with serving(FACE, Requests(), [ANY_PORT]) as addresses:
        address = only(addresses)
        assert (address.host, address.port > 0) == ("127.0.0.1", True)
        assert await status_at(address) == 200


class ToldOfItsEnd(ConnectionPool):
    """A pool of which is known when it begins to drain."""

    draining = asyncio.Event()

    async def drain(self) -> None:
        self.draining.set()
        await super().drain()


async def test_who_is_cancelled_again_while_a_request_ends_still_ends_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "ConnectionPool", ToldOfItsEnd)
    monkeypatch.setattr(ToldOfItsEnd, "draining", asyncio.Event())
    mirror, bound = Mirror(), asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with serving(mirror, Requests(), [ANY_PORT], Limits(drain=3600)) as addresses:
            bound.set_result(only(addresses))
            await asyncio.Event().wait()

    async with asyncio.timeout(HANGS_AFTER):
        serve_until_cancelled = asyncio.create_task(serve())
        address = await bound
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(request("GET", "/wait"))
        await mirror.waiting.wait()
        serve_until_cancelled.cancel()
        await ToldOfItsEnd.draining.wait()
        serve_until_cancelled.cancel()
        await asyncio.gather(serve_until_cancelled, return_exceptions=True)
        assert mirror.cancelled.is_set()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_all_addresses_are_served_and_told_in_order(tmp_path: Path) -> None:
    unix = UnixAddress(tmp_path / "s")
    async with serving(FACE, Requests(), [unix, ANY_PORT]) as addresses:
        assert addresses[0] == unix
        assert [await status_at(address) for address in addresses] == [200] * 2


@on_ipv6
async def test_ipv6_is_shown_in_brackets() -> None:
    async with serving(FACE, Requests(), [TcpAddress("::1", 0)]) as addresses:
        address = only(addresses)
        assert str(address) == f"[::1]:{address.port}"
        assert await status_at(address) == 200


async def test_a_unix_socket_that_a_killed_predecessor_left_is_no_obstacle(tmp_path: Path) -> None:
    address = UnixAddress(tmp_path / "s")
    for _ in range(2):
        async with serving(FACE, Requests(), [address]):
            assert await status_at(address) == 200
        assert address.path.is_socket()


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
async def test_a_unix_socket_has_the_mode_the_group_and_the_owner_that_are_set(tmp_path: Path, mode: int) -> None:
    owner = 4711 if os.geteuid() == 0 else os.geteuid()
    address = UnixAddress(tmp_path / "s", mode, group=os.getgid(), owner=owner)
    async with serving(FACE, Requests(), [address]):
        found = address.path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid, found.st_uid) == (mode, os.getgid(), owner)
        assert await status_at(address) == 200


@pytest.mark.parametrize(
    ("given", "call", "told"),
    [
        ({"group": 4711}, "chown", "group 4711.*Operation not permitted.*supplementalGroups"),
        ({"owner": 4711}, "chown", "user 4711.*Operation not permitted.*CHOWN"),
        ({"mode": 0o660}, "chmod", "mode 0660.*Operation not permitted.*emptyDir"),
    ],
)
async def test_access_that_is_not_ours_to_give_is_named_and_no_socket_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, int], call: str, told: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "not yours")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(CannotListen, match=told):
        async with serving(FACE, Requests(), [UnixAddress(tmp_path / "s", **given)]):
            pytest.fail("it cannot have listened")
    assert list(tmp_path.iterdir()) == []


async def test_a_taken_port_is_named_and_the_listeners_before_it_are_closed() -> None:
    free = await a_free_address()
    async with serving(FACE, Requests(), [ANY_PORT]) as addresses:
        taken = only(addresses)
        with pytest.raises(CannotListen, match=rf"Cannot listen on {taken}: .*in use.*_LISTEN that names it"):
            async with serving(FACE, Requests(), [free, taken]):
                pytest.fail("it cannot have listened")
    async with serving(FACE, Requests(), [free]) as addresses:
        assert addresses == (free,)


async def test_the_admin_plane_names_a_taken_port_too() -> None:
    async with serving(FACE, Requests(), [ANY_PORT]) as addresses:
        with pytest.raises(CannotListen, match=f"Cannot listen on {only(addresses)}"):
            async with served_admin(SetRole(), only(addresses)):
                pytest.fail("it cannot have listened")


@pytest.mark.parametrize(
    "address",
    [TcpAddress("192.0.2.1", 80), UnixAddress(Path("/nowhere/s")), UnixAddress(Path("/" + "a" * 200))],
    ids=["another's address", "no such directory", "a path beyond the limit"],
)
async def test_an_address_that_cannot_be_is_named(address: Address) -> None:
    with pytest.raises(CannotListen) as refused:
        async with serving(FACE, Requests(), [address]):
            pytest.fail("it cannot have listened")
    assert str(address) in refused.value.cause
    assert "_LISTEN that names it" in refused.value.fix


@on_linux
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=on_ipv6)])
async def test_whoever_has_connected_is_answered_though_the_end_begins_before_their_first_bytes(host: str) -> None:
    requests, loop = Requests(), asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
        client.setblocking(False)
        async with serving(FACE, requests, [TcpAddress(host, 0)]) as addresses:
            place = (host, only(addresses).port)
            await loop.sock_connect(client, place)
            loop.call_later(0.01, client.send, request("GET", "/v1/credentials", "Connection: close"))
        async with asyncio.timeout(HANGS_AFTER):
            assert (await loop.sock_recv(client, 99)).startswith(b"HTTP/1.1 200 OK")
    assert requests.seen == [("container", 200)]


@on_linux
@pytest.mark.parametrize("family", ["tcp", "unix"])
async def test_as_it_ends_clients_are_answered_or_refused_and_nobody_is_cut_off(tmp_path: Path, family: str) -> None:
    address = UnixAddress(tmp_path / "s") if family == "unix" else ANY_PORT
    outcomes: set[str] = set()
    for _ in range(2):
        async with serving(FACE, Requests(), [address]) as (bound,):
            clients = [asyncio.create_task(keep_asking(bound, outcomes)) for _ in range(8)]
            await asyncio.sleep(0.03)
        await asyncio.gather(*clients)
    assert outcomes == {"answered", "refused"}


async def keep_asking(address: Address, outcomes: set[str]) -> None:
    """Over a new connection each time, until nobody listens any more. What is kept from connecting is refused later."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket(socket.AF_UNIX if isinstance(address, UnixAddress) else socket.AF_INET) as client:
            client.setblocking(False)
            place = str(address.path) if isinstance(address, UnixAddress) else (address.host, address.port)
            try:
                await loop.sock_connect(client, place)
            except (ConnectionRefusedError, FileNotFoundError):
                outcomes.add("refused")
                return
            try:
                await loop.sock_sendall(client, request("GET", "/v1/credentials", "Connection: close"))
                outcomes.add("answered" if await loop.sock_recv(client, 9) == b"HTTP/1.1 " else "cut off")
            except OSError as error:
                outcomes.add(type(error).__name__)


async def test_when_the_block_ends_nothing_listens() -> None:
    address = await a_free_address()
    with pytest.raises(aiohttp.ClientConnectorError):
        await status_at(address)


@pytest.fixture
async def turns() -> AsyncIterator[Turns]:
    turns = Turns()
    yield turns
    turns.close()


@pytest.fixture(params=[errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT], ids=["switched off", "not built in"])
def no_ipv6(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod without IPv6."""
    create = socket.create_server

    def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
        if options["family"] == socket.AF_INET6:
            raise OSError(request.param, "no such address")
        return create(address, **options)

    monkeypatch.setattr(socket, "create_server", create_server)


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("v6", ["::1", "::"])
async def test_where_there_is_no_ipv6_ipv4_is_served_and_it_is_told(v6: str, caplog: pytest.LogCaptureFixture) -> None:
    for both in ([ANY_PORT, TcpAddress(v6, 0)], [TcpAddress(v6, 0), ANY_PORT]):
        caplog.clear()
        async with serving(FACE, Requests(), both) as addresses:
            assert await status_at(only(addresses)) == 200
        (told,) = caplog.records
        assert (told.levelname, told.message) == ("WARNING", "address not served")
        assert f"Cannot listen on [{v6}]:0: this pod has no IPv6" in vars(told)["reason"]


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("more", [[], [ANY_PORT]], ids=["alone", "with IPv4"])
async def test_without_ipv6_an_address_that_is_some_pods_own_is_still_a_mistake(more: list[Address]) -> None:
    with pytest.raises(CannotListen, match=r"Cannot listen on \[fd00:ec2::23\]:0"):
        async with serving(FACE, Requests(), [*more, TcpAddress("fd00:ec2::23", 0)]):
            pytest.fail("it cannot have listened")


@pytest.mark.usefixtures("no_ipv6")
async def test_ipv6_alone_where_there_is_none_is_refused() -> None:
    with pytest.raises(CannotListen, match="this pod has no IPv6"):
        async with serving(FACE, Requests(), [TcpAddress("::1", 0)]):
            pytest.fail("it cannot have listened")


@pytest.mark.usefixtures("no_ipv6")
async def test_localhost_is_served_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch, turns: Turns) -> None:
    v6: Any = (socket.AF_INET6, ("::1", 0, 0, 0))
    v4: Any = (socket.AF_INET, ("127.0.0.1", 0))
    found: list[Any] = []

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", place) for family, place in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for order in ([v4, v6], [v6, v4]):
        found[:] = order
        async with listeners(socket.socket.close, [TcpAddress("localhost", 0)], turns) as addresses:
            assert only(addresses).host == "127.0.0.1"
    found[:] = [v6]
    with pytest.raises(CannotListen, match="Cannot listen on localhost:0"):
        async with listeners(socket.socket.close, [TcpAddress("localhost", 0)], turns):
            pytest.fail("it cannot have listened")


async def test_localhost_may_be_named_twice_in_the_hosts_file(monkeypatch: pytest.MonkeyPatch, turns: Turns) -> None:
    port = (await a_free_address()).port

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for _ in range(2)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with listeners(socket.socket.close, [TcpAddress("localhost", port)], turns) as addresses:
        assert only(addresses).port == port


async def test_whoever_stops_waiting_for_the_end_all_listeners_end(turns: Turns) -> None:
    async def listen() -> None:
        async with listeners(socket.socket.close, [ANY_PORT, ANY_PORT], turns) as addresses:
            bound.extend(addresses)
            listening_now.set()
            await asyncio.Event().wait()

    bound: list[Address] = []
    listening_now = asyncio.Event()
    task = asyncio.create_task(listen())
    await listening_now.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    for address in bound:
        with pytest.raises(aiohttp.ClientConnectorError):
            await status_at(address)


def accepted_by(bound: socket.socket) -> tuple[int, Any]:
    accepted, address = bound.accept()
    return accepted.detach(), address


class Exhausted:
    """A listening socket of a process that has no file descriptor left until somebody closes one."""

    def __init__(self, bound: socket.socket) -> None:
        self._bound = bound
        self.free = 0
        self.refused = asyncio.Event()
        self.setblocking, self.fileno, self.close = bound.setblocking, bound.fileno, bound.close
        self.family, self.getsockopt, self.setsockopt = bound.family, bound.getsockopt, bound.setsockopt

    def _accept(self) -> tuple[int, Any]:
        if self.free:
            return accepted_by(self._bound)
        self.refused.set()
        raise OSError(errno.EMFILE, "Too many open files")


class Aborting(Exhausted):
    """A listening socket whose first client has gone before it could be accepted."""

    def _accept(self) -> tuple[int, Any]:
        if not self.refused.is_set():
            self.refused.set()
            raise ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort")
        return accepted_by(self._bound)


async def test_a_client_that_went_before_it_was_accepted_is_passed_over_without_a_word(
    caplog: pytest.LogCaptureFixture, turns: Turns
) -> None:
    accepted: asyncio.Queue[socket.SocketType] = asyncio.Queue()
    bound = Aborting(socket.create_server(("127.0.0.1", 0)))
    listener = Listener(cast("socket.socket", bound), accepted.put_nowait, turns)
    try:
        with socket.create_connection(bound._bound.getsockname()):
            await bound.refused.wait()
            assert not accepted.empty(), "the next is accepted in the same turn"
            accepted.get_nowait().close()
    finally:
        await listener.end()
    assert caplog.records == []


async def test_after_a_crowd_more_of_it_may_gather_and_after_a_few_nobody_waits(
    monkeypatch: pytest.MonkeyPatch, turns: Turns
) -> None:
    gathered: list[float] = []
    monkeypatch.setattr("sidecar.http.listener.sleep", gathered.append)
    accepted: asyncio.Queue[socket.SocketType] = asyncio.Queue()
    listener = Listener(socket.create_server(("127.0.0.1", 0)), accepted.put_nowait, turns)
    assert isinstance(listener.address, TcpAddress)
    place = (listener.address.host, listener.address.port)
    try:
        for came, had_gathered in ((CROWD - 1, 0), (1, 0), (CROWD, 0), (1, 1), (1, 1)):
            with contextlib.ExitStack() as clients:
                for _ in range(came):
                    clients.enter_context(socket.create_connection(place))
                for _ in range(came):
                    (await accepted.get()).close()
            assert len(gathered) == had_gathered
    finally:
        await listener.end()


async def test_without_descriptors_we_wait_and_then_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, turns: Turns
) -> None:
    monkeypatch.setattr("sidecar.http.listener.RETRY_ACCEPT_AFTER", 0.05)
    accepted: asyncio.Queue[socket.SocketType] = asyncio.Queue()
    bound = Exhausted(socket.create_server(("127.0.0.1", 0)))
    listener = Listener(cast("socket.socket", bound), accepted.put_nowait, turns)
    try:
        with socket.create_connection(bound._bound.getsockname()):
            for _ in range(3):
                await bound.refused.wait()
                bound.refused.clear()
            bound.free = 1
            (await asyncio.wait_for(accepted.get(), HANGS_AFTER)).close()
    finally:
        await listener.end()
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "cannot accept connections")


async def test_a_listener_that_ends_while_it_waits_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch, turns: Turns
) -> None:
    monkeypatch.setattr("sidecar.http.listener.RETRY_ACCEPT_AFTER", 0.02)
    caught: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: caught.append(context))
    bound = Exhausted(socket.create_server(("127.0.0.1", 0)))
    listener = Listener(cast("socket.socket", bound), socket.socket.close, turns)
    with socket.create_connection(bound._bound.getsockname()):
        await bound.refused.wait()
        await listener.end()
    bound.refused.clear()
    await asyncio.sleep(0.05)
    assert (bound.refused.is_set(), caught) == (False, [])
