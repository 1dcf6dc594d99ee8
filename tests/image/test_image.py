"""The image as it is built and run: what is in it, what it may do, and that it does its work so.

No container engine takes part: `building` and `running` say what stands in for it.
"""

import asyncio
import json
import os
import re
import ssl
import stat
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
import pytest

from tests.free_ports import free_ports
from tests.image.building import NOBODY
from tests.image.dockerfile import ROOT
from tests.image.running import Image, Volume, until_ready
from tests.inject.kit import pod as made_pod
from tests.lab.worlds import ROLE
from tests.tls import authority
from tests.waiting import HANGS_AFTER
from tests.webhook.test_judgement import asking
from tests.webhook.test_server import review

EXECUTABLE = 0o111
MIB = 1 << 20
SUPPORT = (ROOT / "docs/support.md").read_text()


async def test_it_serves_on_a_read_only_root_as_nobody_and_ends_well_when_told(container: Image) -> None:
    async with container.started() as started, aiohttp.ClientSession() as client:
        await until_ready(container)
        async with client.get(f"http://{container.variables['SIDECAR_LISTEN']}/v1/credentials") as answer:
            document = json.loads(await answer.read())
        assert answer.status == 200
        assert document["RoleArn"] == ROLE
        assert await started.stop() == 0


async def test_the_healthcheck_fails_while_nobody_serves(container: Image) -> None:
    found = await asyncio.to_thread(container.run, *container.healthcheck)
    assert found.returncode == 1
    assert "no answer" in found.stderr


async def test_doctor_examines_the_whole_chain_in_it(container: Image) -> None:
    async with container.started():
        await until_ready(container)
        found = await asyncio.to_thread(container.run, *container.entry_point, "doctor", "--json")
    report = {finding["check"]: finding["level"] for finding in json.loads(found.stdout)["findings"]}
    assert found.returncode == 0
    assert report["exchange"] == report["caller-identity"] == "pass"


async def test_it_writes_where_a_volume_says_so(container: Image, image: Image) -> None:
    writable = image.root.parent / "aws"
    writable.mkdir()
    if os.geteuid() == 0:
        os.chown(writable, NOBODY, NOBODY)
    variables = {**container.variables, "SIDECAR_CREDENTIALS_FILE": "/aws/credentials"}
    pod = container.container(*container.volumes, Volume(writable, "/aws", writable=True), **variables)
    async with pod.started(), asyncio.timeout(HANGS_AFTER):
        while not (writable / "credentials").exists():  # it is replaced whole: once there, it is complete
            await asyncio.sleep(0.05)
    assert "[default]" in (writable / "credentials").read_text()


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONHOME"])
def test_nothing_that_the_pod_tells_other_pythons_reaches_it(image: Image, variable: str) -> None:
    foreign = Path(mkdtemp(prefix="foreign-", dir=image.root.parent))
    foreign.chmod(0o755)
    for module in ("sitecustomize", "usercustomize", "os", "socket", "sidecar"):
        (foreign / f"{module}.py").write_text("raise SystemExit(9)\n")
        (foreign / f"{module}.py").chmod(0o644)
    pod = image.container(Volume(foreign, "/foreign"), **{variable: "/foreign"})
    found = pod.run(*image.entry_point, "version")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("irsa-sidecar ")


WHERE_WRITING_WORKS = """
import os
for folder, inner, _ in os.walk("/"):
    inner[:] = [] if folder in ("/proc", "/dev") else inner
    if folder != "/dev" and os.access(folder, os.W_OK):
        print(folder)
"""


def test_it_can_write_nowhere(image: Image) -> None:
    assert image.container().run("/app/bin/python", "-c", WHERE_WRITING_WORKS).stdout == ""


def test_what_is_in_it_belongs_to_root_and_can_be_changed_by_nobody_else(image: Image) -> None:
    for path in image.root.rglob("*"):
        mode = path.lstat().st_mode
        assert path.lstat().st_uid == os.geteuid()
        assert stat.S_ISLNK(mode) or not mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path


def test_python_is_the_only_program_in_it(image: Image) -> None:
    found = {
        path.name
        for path in image.root.rglob("*")
        if path.is_file() and path.stat().st_mode & EXECUTABLE and ".so" not in path.name and _starts_something(path)
    }
    assert {name.rstrip("0123456789.") for name in found} == {"python", "irsa-sidecar"}  # and python3 by that name


def _starts_something(path: Path) -> bool:
    return path.read_bytes()[:4] == b"\x7fELF" or path.parent.name in {"bin", "sbin"}


def test_it_holds_what_serving_needs_and_no_more(image: Image) -> None:
    packages = {path.name for path in image.root.glob("app/lib/python3*/site-packages/*")}
    assert {"sidecar", "aiohttp", "httptools", "botocore"} <= packages
    assert not {"pip", "setuptools", "uvloop", "jwt", "cryptography", "yaml", "boto3"} & packages
    names = {path.name for path in image.root.rglob("*") if path.is_dir()}
    assert not {"ensurepip", "tkinter", "lab", "demo", "apt"} & names


def test_everything_is_compiled_and_no_date_decides_whether_it_is_used(image: Image) -> None:
    compiled = list(image.root.rglob("*.pyc"))
    modules = {path.parent.parent / f"{path.name.partition('.')[0]}.py" for path in compiled}
    assert modules >= set(image.root.rglob("*.py"))
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}  # PEP 552: by hash, unchecked


def test_no_path_of_the_build_is_left_in_what_is_compiled(image: Image) -> None:
    assert not [path for path in image.root.rglob("*.pyc") if b"root-of-image" in path.read_bytes()]


def test_it_trusts_the_public_authorities(image: Image) -> None:
    count = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    assert int(image.container().run("/app/bin/python", "-c", count).stdout) > 50


def test_it_knows_localhost_without_a_name_server(image: Image) -> None:
    assert (image.root / "etc/nsswitch.conf").read_text() == "hosts: files dns\n"


def test_scanners_learn_which_packages_its_libraries_are_from(image: Image) -> None:
    recorded = {path.name: path.read_text() for path in (image.root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6"} <= recorded.keys()
    assert all(f"Package: {name}\n" in text and "\nVersion: " in text for name, text in recorded.items())


def test_it_is_no_larger_than_the_page_says(image: Image) -> None:
    found = re.search(r"^(\d+) MiB unpacked .* ends with an error from (\d+) MiB on", SUPPORT, re.MULTILINE | re.DOTALL)
    assert found
    stated, limit = (int(number) for number in found.groups())
    assert stated <= limit
    files = {
        (path.stat().st_ino, path.stat().st_size)
        for path in image.root.rglob("*")
        if not path.is_symlink() and path.is_file()
    }
    assert sum(size for _, size in files) < limit * MIB


async def test_the_webhook_answers_reviews_from_it(image: Image) -> None:
    directory = Path(mkdtemp(prefix="webhook-", dir=image.root.parent))
    ours = authority(directory)
    for path, name in ((ours.bundle, "tls.crt"), (ours.key, "tls.key")):
        path.rename(directory / name).chmod(0o644)
    directory.chmod(0o755)
    reviews, pages = (f"127.0.0.1:{port}" for port in free_ports(2))
    pod = image.container(Volume(directory, "/etc/irsa-sidecar/tls"), KUBERNETES_SERVICE_HOST="127.0.0.1")
    listen = ("--listen", reviews, "--admin-listen", pages)
    command = (*pod.entry_point, "webhook", *listen, "--grace", "0", "--region", "eu-west-1")
    async with pod.started(*command) as started, aiohttp.ClientSession() as client:
        async with asyncio.timeout(HANGS_AFTER):
            while not await answers(client, f"http://{pages}/readyz"):
                await asyncio.sleep(0.05)
        trust = ssl.create_default_context(cafile=directory / "tls.crt")
        asked = review(asking(made_pod(), role=ROLE))
        async with client.post(f"https://{reviews}/mutate", json=asked, ssl=trust) as answer:
            assert (await answer.json())["response"]["allowed"]
        assert await started.stop() == 0


async def answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


@pytest.mark.parametrize("command", ["lab", "demo", "inject"])
def test_a_command_that_it_does_not_hold_says_how_to_get_it(image: Image, command: str) -> None:
    found = image.container().run(*image.entry_point, command)
    assert found.returncode == 2
    assert f"In a checkout: pip install -e '.[{command}]'" in found.stderr
