"""What is asked of a pushed image before it is tagged: asked here of the image as it is built on this machine."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.image.published import TOKENS, DockerContainer, Unfit, examine
from tests.image.running import Image, Started
from tests.waiting import HANGS_AFTER


async def test_the_image_that_is_built_here_passes(container: Image) -> None:
    await examine(container, container.variables["SIDECAR_LISTEN"])


class OfAnotherVersion:
    """A container whose program says that it is an older one."""

    def __init__(self, container: Image) -> None:
        self._container = container

    def run(self, *command: str) -> CompletedProcess[str]:
        found = self._container.run(*command)
        return CompletedProcess(command, 0, "irsa-sidecar 0.0.1\n") if command[1:] == ("version",) else found

    @asynccontextmanager
    async def started(self) -> AsyncIterator[Started]:
        async with self._container.started() as started:
            yield started


async def test_an_image_of_another_version_is_unfit(container: Image) -> None:
    with pytest.raises(Unfit, match=r"version: irsa-sidecar 0\.0\.1, not "):
        await examine(OfAnotherVersion(container), container.variables["SIDECAR_LISTEN"])


RECORDER = """#!{python}
import sys, time
open({record!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
while sys.argv[1] == "run" and "\\nkill " not in open({record!r}).read():
    time.sleep(0.01)
"""


async def test_docker_is_given_a_pods_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "record"
    (tmp_path / "docker").write_text(RECORDER.format(python=sys.executable, record=str(record)))
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    container = DockerContainer("image@sha256:0", "linux/arm64", Path("/tokens"), {"AWS_REGION": "eu-west-1"})

    async with container.started(), asyncio.timeout(HANGS_AFTER):
        while not record.exists():
            await asyncio.sleep(0.01)
        container.run("irsa-sidecar", "version")

    run, executed, ended = record.read_text().splitlines()
    assert run.startswith("run --platform=linux/arm64 --rm ")
    assert f"--read-only --cap-drop=ALL --security-opt=no-new-privileges --volume=/tokens:{TOKENS}:ro" in run
    assert run.endswith("--env=AWS_REGION=eu-west-1 image@sha256:0")
    assert executed.endswith("irsa-sidecar version")
    assert ended.startswith("kill ")
