"""The life of one pod. The rules are told, with their sources, in this package's docstring."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.kubernetes.kubelet.container import Container
from tests.kubernetes.kubelet.node import Manifest, Node, process_of

FIRST_BACK_OFF, LONGEST_BACK_OFF = 10, 300
LEAST_GRACE = 2
"""Seconds, all three; pkg/kubelet: kubelet.go, kuberuntime_manager.go."""


class Pod:
    """A pod on a node. `story` is what happened so far, in order, one short sentence each."""

    def __init__(self, manifest: Manifest, node: Node) -> None:
        identity = {"uid": str(uuid.uuid4()), "namespace": "default"}
        self.manifest = manifest | {"metadata": identity | manifest["metadata"]}
        self.phase = "Pending"
        self.story: list[str] = []
        self.over = asyncio.Event()
        """Set once nothing of it runs any more."""
        self._news = asyncio.Event()
        self._ending = asyncio.Event()
        self._deleted = False
        self._deadline = 0.0
        spec = self.manifest["spec"]
        self._grace = float(spec.get("terminationGracePeriodSeconds", 30))
        self._initial = [self._container(entry, node) for entry in spec.get("initContainers", [])]
        self._applications = [self._container(entry, node) for entry in spec["containers"]]

    def __getitem__(self, name: str) -> Container:
        return next(container for container in self._all if container.name == name)

    @property
    def _all(self) -> list[Container]:
        return [*self._initial, *self._applications]

    def _container(self, entry: Manifest, node: Node) -> Container:
        log = node.directory / f"{self.manifest['metadata']['name']}.{entry['name']}.log"
        return Container(entry, process_of(entry, self.manifest, node), log, self._tell)

    def _tell(self, what: str) -> None:
        self.story.append(what)
        self._news.set()

    async def until(self, what: str, *, times: int = 1) -> None:
        """Wait until the story has said so for the given time. Raises AssertionError if it ends before."""
        while self.story.count(what) < times:
            assert not self.over.is_set(), f"never: {what!r}. The story: {self.story}"
            self._news.clear()
            await self._news.wait()

    async def delete(self) -> None:
        """As `kubectl delete pod`: returns when nothing of the pod runs any more."""
        self._deleted = True
        self._deadline = time.monotonic() + self._grace
        self._ending.set()
        await asyncio.gather(*(container.stop(self._grace) for container in self._all if not container.is_sidecar))
        await self.over.wait()

    async def live(self) -> None:
        """From the first container to the last."""
        self._tell("pod Pending")
        async with asyncio.TaskGroup() as sidecars:
            codes = await self._initialized(sidecars) or await self._run_applications()
            await self._stop_sidecars()
        self._enter("Failed" if any(codes) else "Succeeded")

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._tell(f"pod {phase}")

    async def _initialized(self, sidecars: asyncio.TaskGroup) -> list[int]:
        """Start one init container after another. Gives the exit code of one that failed for good, alone."""
        for container in self._initial:
            if self._ending.is_set():
                break
            if container.is_sidecar:
                sidecars.create_task(self._run(container, lambda _: True))
                await self._either(container.started)
            elif code := await self._run(container, lambda code: code != 0 and self._policy != "Never"):
                return [code]
        return []

    async def _run_applications(self) -> list[int]:
        if self._ending.is_set():
            return [1]
        self._enter("Running")
        async with asyncio.TaskGroup() as group:
            runs = []
            for container in self._applications:
                runs.append(group.create_task(self._run(container, self._again)))
                await self._either(container.begun)
        return [run.result() for run in runs]

    @property
    def _policy(self) -> str:
        policy: str = self.manifest["spec"].get("restartPolicy", "Always")
        return policy

    def _again(self, code: int) -> bool:
        return self._policy == "Always" or (self._policy == "OnFailure" and code != 0)

    async def _run(self, container: Container, again: Callable[[int], bool]) -> int:
        """Run it, and again as long as `again` says so and the pod does not end; gives the last exit code."""
        back_off = 0
        while True:
            await container.start()
            if self._ending.is_set():
                await container.stop(LEAST_GRACE)
            code = await self._watched(container)
            container.begun.set()
            if self._ending.is_set() or not again(code):
                return code
            await self._either(asyncio.Event(), within=back_off)
            if self._ending.is_set():
                return code
            back_off = min(max(FIRST_BACK_OFF, back_off * 2), LONGEST_BACK_OFF)

    async def _watched(self, container: Container) -> int:
        """The exit code. Hook and probes go on as long as the container runs and the pod does not end."""
        ended = asyncio.create_task(container.ended())
        ending = asyncio.create_task(self._ending.wait())
        watch = asyncio.create_task(container.watch())
        try:
            await asyncio.wait({ended, watch, ending}, return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not ended.done():
                self._tell(f"{container.name} fails its {watch.result()}")
                await container.stop(self._grace)
            watch.cancel()
            return await ended
        finally:
            for task in (ended, ending, watch):
                task.cancel()
            await asyncio.wait({ended, ending, watch})

    async def _either(self, event: asyncio.Event, within: float | None = None) -> None:
        """Wait for the event or for the pod's end, or no longer than `within` seconds."""
        tasks = {asyncio.create_task(event.wait()), asyncio.create_task(self._ending.wait())}
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _stop_sidecars(self) -> None:
        self._ending.set()
        if not self._deleted:
            self._deadline = time.monotonic() + self._grace
        for container in reversed(self._initial):
            if container.is_sidecar:
                await container.stop(max(LEAST_GRACE, self._deadline - time.monotonic()))

    def end(self) -> None:
        self.over.set()
        self._news.set()

    async def kill(self) -> None:
        """SIGKILL for everything, as when the node loses power."""
        for container in self._all:
            await container.kill()


@asynccontextmanager
async def running(manifest: Manifest, node: Node) -> AsyncIterator[Pod]:
    """The pod, from its first container on; nothing of it outlives the block."""
    pod = Pod(manifest, node)
    life = asyncio.create_task(pod.live())
    life.add_done_callback(lambda _: pod.end())
    try:
        yield pod
    finally:
        life.cancel()
        await asyncio.wait({life})
        await pod.kill()
    if not life.cancelled():
        life.result()
