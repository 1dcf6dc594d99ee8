"""Makes the clients' programs, in a cache of their own, once for each state of their folders."""

# ruff: noqa: T201 (a command line prints)
import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.clients.catalogue import Client
from tests.clients.kits import Command, Kit

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "clients"
AT_ONCE = 3
"""Builds under way: half of them wait for a download at any time."""
IPROUTE = (("ip", "-V"), ("iproute2",))


class CannotInstall(Exception):
    """A command that installs failed. The text is the command and the end of what it wrote."""


async def everything(clients: Iterable[Client]) -> None:
    """Install the tools that are missing, then make all programs. Raises `CannotInstall`."""
    CACHE.mkdir(parents=True, exist_ok=True)
    distinct = {client.folder: client.kit for client in clients}
    await _tools(dict.fromkeys(distinct.values()))
    slots = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for folder, kit in distinct.items():
            group.create_task(_made(folder, kit, slots))


def command(client: Client) -> tuple[str, ...]:
    """What runs the client's program, once it has been made."""
    made = client.kit.command(HERE / client.folder, CACHE / client.folder, client.program)
    return (*client.entry_point, *made, *client.arguments)


async def _tools(kits: Iterable[Kit]) -> None:
    wanted = [IPROUTE, *((kit.probe, kit.packages) for kit in kits)]
    missing = [name for probe, packages in wanted if not await _works(probe) for name in packages]
    if missing:
        print(f"apt-get install {' '.join(missing)}", flush=True)
        await _run(("apt-get", "update", "-q"), CACHE)
        await _run(("apt-get", "install", "-qy", "--no-install-recommends", *missing), CACHE)


async def _works(probe: Command) -> bool:
    try:
        await _run(probe, CACHE)
    except (CannotInstall, FileNotFoundError):
        return False
    return True


async def _made(folder: str, kit: Kit, slots: asyncio.Semaphore) -> None:
    source, made = HERE / folder, CACHE / folder
    stamp, state = made / ".made-from", _state(source, kit)
    if stamp.exists() and stamp.read_text() == state:
        return
    async with slots:
        print(f"making {folder}", flush=True)
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(source, made)
        for step in kit.steps:
            await _run(step, made)
    stamp.write_text(state)


def _state(source: Path, kit: Kit) -> str:
    """Changes with any file of the folder, and with how it is made."""
    digest = hashlib.sha256(repr(kit.steps).encode())
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


async def _run(command: Command, directory: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=os.environ | _caches(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await process.communicate()
    if process.returncode:
        raise CannotInstall(f"{' '.join(command)} (in {directory})\n{written.decode(errors='replace')[-3000:]}")


def _caches() -> dict[str, str]:
    return {
        "DEBIAN_FRONTEND": "noninteractive",
        "GOMODCACHE": f"{CACHE}/go-modules",
        "GOCACHE": f"{CACHE}/go-builds",
        "npm_config_cache": f"{CACHE}/npm",
        "MAVEN_OPTS": f"-Dmaven.repo.local={CACHE}/maven",
        "PIP_CACHE_DIR": f"{CACHE}/pip",
    }
