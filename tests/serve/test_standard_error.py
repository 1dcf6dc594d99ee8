"""Standard error that nobody reads, that is full or closed: at the start, in service and at the end."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import aiohttp
import pytest

from tests.serve.kit import Sidecar, Start
from tests.waiting import HANGS_AFTER

FreePort = Callable[[], int]


class UnreadPipe:
    """A log pipe that is full, as after some healthy days without a reader."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        os.set_blocking(self.into, False)
        try:
            while True:
                os.write(self.into, b"." * 4095 + b"\n")
        except BlockingIOError:
            os.set_blocking(self.into, True)

    async def lines(self, until: str) -> list[str]:
        """What is read from now on, up to a line about `until`."""
        reader = asyncio.StreamReader(limit=1 << 20)
        pipe = os.fdopen(os.dup(self.out), "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        read: list[str] = []
        async with asyncio.timeout(HANGS_AFTER):
            while not read or f'"{until}"' not in read[-1]:
                read.append((await reader.readline()).decode())
        transport.close()
        return [line for line in read if line.startswith("{")]


@pytest.fixture
def unread() -> Iterator[UnreadPipe]:
    pipe = UnreadPipe()
    yield pipe
    for descriptor in (pipe.out, pipe.into):
        os.close(descriptor)


async def serving(start: Start, free_port: FreePort, *command: str, stderr: int, **environ: str) -> Sidecar:
    """A sidecar that serves, though its log cannot say where."""
    listen, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    sidecar: Sidecar = await start(
        *command, stderr=stderr, SIDECAR_LISTEN=listen, SIDECAR_ADMIN_LISTEN=admin, SIDECAR_GRACE="0", **environ
    )
    sidecar.credentials, sidecar.admin = f"http://{listen}/v1/credentials", f"http://{admin}"
    async with asyncio.timeout(HANGS_AFTER):
        while True:
            try:
                await sidecar.becomes(f"{sidecar.admin}/readyz", 200)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)
            else:
                return sidecar


async def dropped(sidecar: Sidecar) -> int:
    page = (await sidecar.get(f"{sidecar.admin}/metrics"))[1]
    (found,) = re.findall(r"^irsa_sidecar_log_lines_dropped_total (\d+)", page, re.MULTILINE)
    return int(found)


async def misunderstand(sidecar: Sidecar, times: int) -> None:
    """Requests that are a line of the log each."""
    host, _, port = sidecar.admin.removeprefix("http://").partition(":")
    for _ in range(times):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"?\r\n\r\n")
        await reader.read()
        writer.close()


async def test_a_log_that_nobody_reads_stops_nothing_and_says_later_what_was_lost(
    start: Start, unused_tcp_port_factory: FreePort, unread: UnreadPipe
) -> None:
    sidecar = await serving(start, unused_tcp_port_factory, stderr=unread.into, SIDECAR_LOG_LEVEL="debug")
    await misunderstand(sidecar, 1100)
    lost = await dropped(sidecar)
    assert 0 < lost < 1100
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    assert (await sidecar.get(sidecar.credentials))[0] == 200

    lines = await unread.lines("log lines dropped")
    assert json.loads(lines[0])["event"] == "starting"
    assert json.loads(lines[-1])["lines"] == lost
    assert await dropped(sidecar) == lost


async def test_sigterm_ends_it_with_0_though_nobody_reads(
    start: Start, unused_tcp_port_factory: FreePort, unread: UnreadPipe
) -> None:
    sidecar = await serving(start, unused_tcp_port_factory, stderr=unread.into)
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0


async def test_bad_settings_end_it_with_2_though_nobody_reads(start: Start, unread: UnreadPipe) -> None:
    sidecar = await start(stderr=unread.into, AWS_ROLE_ARN="")
    assert await sidecar.ended() == 2


FULL = 'exec "$@" 2>/dev/full'
CLOSED = 'exec "$@" 2>&-'
ALL_CLOSED = 'exec "$@" <&- >&- 2>&-'
SERVE = (sys.executable, "-m", "sidecar", "serve")


@pytest.mark.parametrize("shell", [FULL, CLOSED, ALL_CLOSED])
async def test_it_serves_and_ends_with_0_where_standard_error_is(
    start: Start, unused_tcp_port_factory: FreePort, shell: str
) -> None:
    sidecar = await serving(start, unused_tcp_port_factory, "sh", "-c", shell, "sh", *SERVE, stderr=subprocess.DEVNULL)
    assert (await sidecar.get(sidecar.credentials))[0] == 200
    if shell == FULL:
        assert await dropped(sidecar) > 0
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0


async def test_a_reader_that_goes_away_in_service_costs_lines_and_nothing_else(
    start: Start, unused_tcp_port_factory: FreePort
) -> None:
    out, into = os.pipe()
    sidecar = await serving(start, unused_tcp_port_factory, stderr=into, SIDECAR_LOG_LEVEL="debug")
    os.close(into)
    os.close(out)
    before = await dropped(sidecar)
    await misunderstand(sidecar, 3)
    async with asyncio.timeout(HANGS_AFTER):
        while await dropped(sidecar) < before + 3:
            await asyncio.sleep(0.01)
    assert (await sidecar.get(sidecar.credentials))[0] == 200
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0


@pytest.mark.parametrize("shell", [FULL, CLOSED])
@pytest.mark.parametrize(
    ("command", "code"),
    [(["serve"], 2), (["credential-process"], 1), (["healthcheck"], 1), (["exec", "--", "/no/program"], 125)],
)
def test_a_commands_exit_code_is_the_same_where_it_cannot_be_explained(
    shell: str, command: list[str], code: int, unused_tcp_port: int
) -> None:
    nowhere = {"SIDECAR_LISTEN": f"127.0.0.1:{unused_tcp_port}", "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{unused_tcp_port}"}
    ended = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-m", "sidecar", *command],
        env={"PATH": "/usr/bin:/bin", **nowhere},
        stdout=subprocess.PIPE,
        check=False,
        timeout=HANGS_AFTER,
    )
    assert (ended.returncode, ended.stdout) == (code, b"")
