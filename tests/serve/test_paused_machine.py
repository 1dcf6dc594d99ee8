"""A machine that stood still, for real: a process whose wall clock moves ahead while its steady clock does not.

A library that is loaded before libc adds to what the wall clock shows. Time namespaces cannot do it: they move only
the steady clocks, and only before their first process starts.
"""

import asyncio
import json
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import needs, on_linux
from tests.serve.kit import DENIED, Sidecar, Start, Sts
from tests.waiting import HANGS_AFTER

TWO_HOURS = 7200.0
MOVED_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile double *ahead;
static int (*really)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void) {
    really = dlsym(RTLD_NEXT, "clock_gettime");
    ahead = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, open(getenv("WALL_CLOCK_AHEAD"), O_RDONLY), 0);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = really(which, now);
    if (!failed && which == CLOCK_REALTIME) now->tv_sec += (time_t)*ahead;
    return failed;
}
"""

pytestmark = on_linux


@dataclass
class Machine:
    """One whose wall clock the test moves, and the sidecar on it."""

    sidecar: Sidecar
    _ahead: Path

    def wall_clock(self, ahead: float) -> None:
        self._ahead.write_bytes(struct.pack("d", ahead))

    async def key(self) -> str | None:
        """The access key that is served, None for a 503."""
        status, text = await self.sidecar.get(self.sidecar.credentials)
        return None if status == 503 else json.loads(text)["AccessKeyId"]

    async def key_at_last(self) -> str:
        """The same for a client that asks again after a 503, as all do: a wait for STS has its limit."""
        async with asyncio.timeout(HANGS_AFTER):
            while (key := await self.key()) is None:
                pass
        return key


Boot = Callable[..., Awaitable[Machine]]


@pytest.fixture(scope="module")
def moved_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("cc")
    directory = tmp_path_factory.mktemp("clock")
    (directory / "clock.c").write_text(MOVED_CLOCK)
    built = directory / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, directory / "clock.c", "-ldl"], check=True)
    return built


@pytest.fixture
def boot(start: Start, moved_clock: Path, tmp_path: Path) -> Boot:
    async def run(**environ: str) -> Machine:
        ahead = tmp_path / "ahead"
        ahead.write_bytes(struct.pack("d", 0))
        sidecar = await start(LD_PRELOAD=str(moved_clock), WALL_CLOCK_AHEAD=str(ahead), **environ)
        await sidecar.listening()
        await sidecar.told("credentials issued")
        return Machine(sidecar, ahead)

    return run


async def test_after_a_pause_the_first_request_gets_new_credentials(boot: Boot, sts: Sts, tmp_path: Path) -> None:
    file = tmp_path / "aws" / "credentials"
    file.parent.mkdir()
    machine = await boot(SIDECAR_CREDENTIALS_FILE=str(file))
    assert await machine.key_at_last() == "ASIA000000000001"
    sts.ahead = TWO_HOURS
    machine.wall_clock(TWO_HOURS)
    assert await machine.key_at_last() == "ASIA000000000002"
    async with asyncio.timeout(HANGS_AFTER):
        while not file.exists() or "ASIA000000000002" not in file.read_text():
            await asyncio.sleep(0.01)


async def test_what_died_in_a_pause_is_served_by_nothing_while_sts_is_silent(boot: Boot, sts: Sts) -> None:
    machine = await boot(SIDECAR_IMDS_LISTEN="127.0.0.1:0", SIDECAR_IMDS_V1="true", SIDECAR_ECS_LISTEN="127.0.0.1:0")
    sts.away, sts.ahead = True, TWO_HOURS
    machine.wall_clock(TWO_HOURS)
    assert await machine.key() is None
    status, told = await machine.sidecar.readyz()
    assert (status, told["phase"]) == (503, "expired")
    by_process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar", "credential-process"),
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.sidecar.credentials},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    written, _ = await by_process.communicate()
    assert (by_process.returncode, written) == (1, b"")
    sts.away, sts.refusal = False, DENIED
    await machine.sidecar.told("refresh failed")
    assert await machine.key() is None


async def test_a_wall_clock_that_was_set_wrongly_costs_nothing_once_sts_has_told_the_time(boot: Boot, sts: Sts) -> None:
    machine = await boot()
    sts.refusal = DENIED
    machine.wall_clock(TWO_HOURS)
    assert await machine.key_at_last() == "ASIA000000000001"  # the request waits for STS, whose refusal tells the time
    await machine.sidecar.told("clock moved")
    machine.wall_clock(0)
    assert await machine.key_at_last() == "ASIA000000000001"
