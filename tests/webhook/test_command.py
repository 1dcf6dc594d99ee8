"""`irsa-sidecar webhook` as a process: what it starts with, how it ends, and how much memory it takes."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.free_ports import free_ports
from tests.inject.kit import ROLE, pod
from tests.tls import authority
from tests.waiting import HANGS_AFTER
from tests.webhook.test_judgement import asking
from tests.webhook.test_server import review

MIB = 1024 * 1024
MOST_MEMORY = 64 * MIB
COMMAND = (sys.executable, "-m", "sidecar", "webhook", "--region", "eu-west-1", "--image", "registry.example/sidecar:1")


@asynccontextmanager
async def started(directory: Path, *arguments: str) -> AsyncIterator[tuple[Process, str, str]]:
    reviews, pages = (f"127.0.0.1:{port}" for port in free_ports(2))
    listen = ("--listen", reviews, "--admin-listen", pages, "--certificate", str(directory))
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    log = directory / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*COMMAND, *listen, *arguments, env=environ, stderr=output)
    try:
        while b"webhook listening" not in log.read_bytes():
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.02)
        yield process, f"https://{reviews}", f"http://{pages}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Puts one into the directory; gives what trusts it."""
    ours = authority(tmp_path)
    ours.bundle.rename(tmp_path / "tls.crt")
    ours.key.rename(tmp_path / "tls.key")
    return ssl.create_default_context(cafile=tmp_path / "tls.crt")


async def test_many_pods_leave_it_small(tmp_path: Path, certificate: ssl.SSLContext) -> None:
    many = asking(pod(containers=[{"name": f"c{number}", "image": "c"} for number in range(20)]), role=ROLE)
    async with started(tmp_path) as (process, reviews, _), aiohttp.ClientSession() as http:

        async def ask(times: int) -> None:
            for _ in range(times):
                async with http.post(f"{reviews}/mutate", json=review(many), ssl=certificate) as answer:
                    assert (await answer.json())["response"]["allowed"]

        await asyncio.gather(*(ask(25) for _ in range(8)))
        assert resident(process.pid) < MOST_MEMORY


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024


async def test_it_answers_through_the_grace_and_ends_with_zero(tmp_path: Path, certificate: ssl.SSLContext) -> None:
    async with started(tmp_path, "--grace", "30") as (process, reviews, pages), aiohttp.ClientSession() as http:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(HANGS_AFTER):
            while (await http.get(f"{pages}/readyz")).status == 200:
                await asyncio.sleep(0.01)
        async with http.post(f"{reviews}/mutate", json=review(asking(pod(), role=ROLE)), ssl=certificate) as answer:
            assert answer.status == 200

        process.send_signal(signal.SIGTERM)  # a second one insists
        assert await asyncio.wait_for(process.wait(), HANGS_AFTER) == 0


async def test_a_connection_gets_the_newest_certificate(tmp_path: Path, certificate: ssl.SSLContext) -> None:
    async with started(tmp_path) as (_, reviews, _), aiohttp.ClientSession() as http:
        (tmp_path / "new").mkdir()
        renewed = authority(tmp_path / "new")
        renewed.bundle.replace(tmp_path / "tls.crt")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):  # its key is not there yet: the old one stays
            await http.get(reviews, ssl=ssl.create_default_context(cafile=tmp_path / "tls.crt"))
        async with http.get(reviews, ssl=certificate) as answer:
            assert answer.status == 404
        renewed.key.replace(tmp_path / "tls.key")

        async with http.get(reviews, ssl=ssl.create_default_context(cafile=tmp_path / "tls.crt")) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "irsa-sidecar webhook: --region: required"),
        (("--region", "eu-west-1", "--set", "X"), "irsa-sidecar webhook: --set X: there is no value"),
        (("--region", "eu-west-1", "--certificate", "/nowhere"), "/nowhere/tls.crt: No such file or directory"),
        (("--region", "eu-west-1", "--listen", "somewhere"), "argument --listen: "),
    ],
)
def test_it_does_not_start_with_what_it_cannot_work_with(arguments: tuple[str, ...], complaint: str) -> None:
    command = [sys.executable, "-m", "sidecar", "webhook", "--log-format", "text", *arguments]
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=HANGS_AFTER)
    assert (ended.returncode, complaint in ended.stderr) == (2, True), ended.stderr


def test_outside_a_cluster_it_says_so() -> None:
    ended = subprocess.run(COMMAND, capture_output=True, text=True, check=False, env={}, timeout=HANGS_AFTER)
    assert ended.returncode == 2
    assert "KUBERNETES_SERVICE_HOST is not set" in ended.stderr


def test_it_reads_no_yaml_which_the_image_lacks() -> None:
    show = "import sys, json, sidecar.webhook.commands; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, env={}).stdout)
    assert not {"yaml", "jwt", "cryptography", "botocore", "watchfiles"} & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(("command", "sees"), [("inject", True), ("webhook", False)])
def test_help_names_a_service_accounts_annotation_only_where_it_is_seen(command: str, sees: bool) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "sidecar", command, "--help"], capture_output=True, text=True, check=True
    )

    assert ("[with -f the service account's annotation, or sts.amazonaws.com" in " ".join(told.stdout.split())) is sees
    assert ("service account's annotation" in " ".join(told.stdout.split())) is sees
