"""The image with few processes and few open files: it says which limit is too low and ends with 2, or it works."""

import asyncio

import aiohttp
import pytest

from sidecar.core.process_limits import OPEN_FILES, THREADS
from tests.image.running import Image, until_ready

LIMITED = """
import os, resource, sys
limit, number = getattr(resource, sys.argv[1]), int(sys.argv[2])
resource.setrlimit(limit, (number, number))
os.execv(sys.argv[3], sys.argv[3:])
"""


def limited(limit: str, number: int, *command: str) -> list[str]:
    return ["/app/bin/python", "-ISc", LIMITED, limit, str(number), *command]


SERVE = ("/app/bin/irsa-sidecar", "serve")


@pytest.mark.parametrize(
    ("limit", "number", "named"),
    [
        *(("RLIMIT_NPROC", n, "The limit on processes lets") for n in (1, 2, THREADS)),
        ("RLIMIT_NOFILE", 12, "The limit on open files is 12"),
        ("RLIMIT_NOFILE", OPEN_FILES - 1, f"The limit on open files is {OPEN_FILES - 1}"),
    ],
)
async def test_too_low_a_limit_is_named_and_ends_it_with_2(
    container: Image,
    limit: str,
    number: int,
    named: str,
) -> None:
    found = await asyncio.to_thread(container.run, *limited(limit, number, *SERVE))
    assert found.returncode == 2
    assert found.stderr.splitlines()[0] == "irsa-sidecar cannot start:"
    assert named in found.stderr.splitlines()[1]
    assert len(found.stderr.splitlines()) == 2


@pytest.mark.parametrize("command", ["doctor", "credential-process"])
async def test_a_command_without_a_thread_says_so_in_one_line(container: Image, command: str) -> None:
    found = await asyncio.to_thread(container.run, *limited("RLIMIT_NPROC", 1, "/app/bin/irsa-sidecar", command))
    assert found.returncode == 1
    assert found.stderr.startswith(f"irsa-sidecar {command}: No thread can be started: ")
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("limit", "number"),
    [("RLIMIT_NPROC", THREADS + 1), ("RLIMIT_NPROC", 8), ("RLIMIT_NOFILE", OPEN_FILES), ("RLIMIT_NOFILE", 64)],
)
async def test_what_is_enough_is_enough(container: Image, limit: str, number: int) -> None:
    async with container.started(*limited(limit, number, *SERVE)) as started, aiohttp.ClientSession() as client:
        await until_ready(container)
        async with client.get(f"http://{container.variables['SIDECAR_LISTEN']}/v1/credentials") as answer:
            assert answer.status == 200
        assert await started.stop() == 0
