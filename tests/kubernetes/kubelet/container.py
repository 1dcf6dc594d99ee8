"""One container: a process that is started, probed, and stopped with a grace period."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.kubernetes.kubelet.node import Manifest, Process

Tell = Callable[[str], None]


class Container:
    """`tell` hears what happens to it, in words; what it writes goes to `log`."""

    def __init__(self, manifest: Manifest, process: Process, log: Path, tell: Tell) -> None:
        self.name: str = manifest["name"]
        self.manifest = manifest
        self.begun = asyncio.Event()
        """Set once it was started and its postStart hook is over."""
        self.started = asyncio.Event()
        """Set once it counts as started: the startup probe has succeeded, or there is none."""
        self.probed = 0
        """How often the startup probe was tried."""
        self._process = process
        self._log = log
        self._log.touch()
        self._tell = tell
        self._child: asyncio.subprocess.Process | None = None

    @property
    def is_sidecar(self) -> bool:
        return self.manifest.get("restartPolicy") == "Always"

    @property
    def pid(self) -> int:
        """Raises AssertionError unless it was started."""
        assert self._child
        return self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def local(self, text: str) -> str:
        """What is in the manifest, as it is on this machine."""
        return self._process.local(text)

    async def lines(self, count: int) -> list[str]:
        """The first lines that it has written, once there are so many."""
        while len(found := self.log.splitlines()) < count:
            await asyncio.sleep(0.05)
        return found[:count]

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = await self._run(self._process.command, log.fileno())
        self._tell(f"{self.name} starts")

    async def ended(self) -> int:
        """Wait for the end; gives the exit code as the container runtime does: 137 for SIGKILL."""
        assert self._child
        code = await self._child.wait()
        code = 128 - code if code < 0 else code
        self._tell(f"{self.name} exits {code}")
        return code

    async def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL once `grace` seconds are over."""
        if self._child is None or self._child.returncode is not None:
            return
        self._tell(f"{self.name} gets SIGTERM")
        self._child.terminate()
        try:
            await asyncio.wait_for(self._child.wait(), grace)
        except TimeoutError:
            self._tell(f"{self.name} gets SIGKILL")
            await self.kill()

    async def kill(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()

    async def watch(self) -> str:
        """Run the hook, then probe until one of them gives the container up; gives its name. Else never ends."""
        hook = self.manifest.get("lifecycle", {}).get("postStart")
        if hook and not await self._runs(hook["exec"]):
            return "postStart hook"
        self.begun.set()
        if "startupProbe" in self.manifest:
            if not await self._until(self.manifest["startupProbe"], wanted=True):
                return "startup probe"
            self._tell(f"{self.name} passes its startup probe")
        self.started.set()
        if "livenessProbe" in self.manifest:
            await self._until(self.manifest["livenessProbe"], wanted=False)
            return "liveness probe"
        return await asyncio.Future[str]()

    async def _until(self, probe: Manifest, *, wanted: bool) -> bool:
        """Ask again and again: until one success if that is `wanted`, or until too many failures in a row."""
        failures = 0
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        while failures < probe.get("failureThreshold", 3):
            healthy = await self._passes(probe)
            self.probed += wanted
            if healthy and wanted:
                return True
            failures = 0 if healthy else failures + 1
            await asyncio.sleep(probe.get("periodSeconds", 10))
        return False

    async def _passes(self, probe: Manifest) -> bool:
        try:
            async with asyncio.timeout(probe.get("timeoutSeconds", 1)):
                return await (self._runs(probe["exec"]) if "exec" in probe else self._answers(probe["httpGet"]))
        except (TimeoutError, aiohttp.ClientError):
            return False

    async def _runs(self, probe: Manifest) -> bool:
        command = tuple(self._process.local(word) for word in probe["command"])
        child = await self._run(command, DEVNULL)
        try:
            return await child.wait() == 0
        except asyncio.CancelledError:
            child.kill()
            await child.wait()
            raise

    async def _answers(self, probe: Manifest) -> bool:
        """200 to 399 is healthy. The kubelet asks the pod's address, which here is loopback."""
        port = probe["port"]
        if isinstance(port, str):
            port = next(entry["containerPort"] for entry in self.manifest["ports"] if entry["name"] == port)
        url = self._process.local(f"http://127.0.0.1:{port}") + probe["path"]
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status < 400

    async def _run(self, command: tuple[str, ...], output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command, env=dict(self._process.environment), cwd=os.sep, stdin=DEVNULL, stdout=output, stderr=STDOUT
        )
