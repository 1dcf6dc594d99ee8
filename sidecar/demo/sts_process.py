"""The demo's STS as a process that ends and returns: by the demo's own outage, or when a person kills it."""

from asyncio import sleep
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from sidecar.core.model import Seconds
from sidecar.demo.processes import python
from sidecar.demo.progress import Progress


@dataclass
class StsProcess:
    """`command`: Python's arguments. `downtime`: how long it stays away."""

    command: Sequence[str]
    environment: dict[str, str]
    address: str
    downtime: Seconds
    progress: Progress
    _process: Process | None = field(default=None, init=False)

    async def keep_running(self) -> NoReturn:
        """Start it, and again whenever it has been away for as long as it should."""
        while True:
            async with python(list(self.command), self.environment, stdout=DEVNULL, stderr=DEVNULL) as self._process:
                kill = f"`kill {self._process.pid}` simulates an outage"
                self.progress.print("sts", f"listens on http://{self.address}; {kill}")
                await self._process.wait()
            self.progress.print("sts", f"is down, and returns in {self.downtime} s{self._meanwhile()}")
            await sleep(self.downtime)

    def _meanwhile(self) -> str:
        left = self.progress.seconds_served
        return f"; the sidecar serves the credentials that it has, for another {left:.0f} s" if left > 0 else ""

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
