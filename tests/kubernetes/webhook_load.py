"""Many pods, asking for the sidecar and not, while replicas of the webhook are killed and come back.

`python -m tests.kubernetes.webhook_load` starts an API server of its own, and says what became of 10 000 pods, what the
webhook costs, and how large its replicas are.
"""

# ruff: noqa: T201 (a command prints)

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from tests.inject.kit import ROLE, pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.bucket import a_bucket
from tests.kubernetes.build import KUBE_APISERVER
from tests.kubernetes.cluster import a_cluster
from tests.kubernetes.conftest import BEFORE_POLICIES
from tests.kubernetes.documents import Manifest
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import labelled, roles
from tests.kubernetes.webhooks import Installation, installed

IMAGE = "registry.example/irsa-sidecar:load"
UNTIL_TAKEN_AWAY = 0.2
"""Seconds in which a Service still leads to a replica that is gone."""


def sidecars(admitted: Manifest) -> list[str]:
    return [each["image"] for each in admitted["spec"].get("initContainers", []) if each["name"] == "irsa-sidecar"]


class Load:
    """Pods that ask and pods that do not, without a pause; what became of them, and how long it took."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self.asking: Counter[str] = Counter()
        self.bare: list[float] = []

    async def ask(self) -> None:
        while True:
            try:
                found = sidecars(await self._api.dry_run(labelled(pod(), role=ROLE), self._namespace))
            except Refused:
                found = ["refused"]
            self.asking[" ".join(found) or "bare"] += 1

    async def ask_nothing(self) -> None:
        while True:
            began = time.monotonic()
            admitted = await self._api.dry_run(pod(), self._namespace)
            self.bare.append(time.monotonic() - began)
            assert not sidecars(admitted)

    async def admitted(self, image: str, more: int) -> None:
        """Until so many more pods have got this image."""
        wanted = self.asking[image] + more
        while self.asking[image] < wanted:
            await asyncio.sleep(0.05)


async def killing(webhook: Installation, load: Load, image: str, times: int, between: int = 20) -> None:
    """Kill a replica, go on with the other, and have a new one come, again and again, all under load."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in (load.ask, load.ask, load.ask_nothing)]
        for _ in range(times):
            await load.admitted(image, between)
            killed = webhook.service.replicas[0]
            killed.send(signal.SIGKILL)
            await killed.process.wait()
            await asyncio.sleep(UNTIL_TAKEN_AWAY)
            webhook.service.replicas.remove(killed)
            await load.admitted(image, between)
            await stack.enter_async_context(webhook.replica(image))
        for task in tasks:
            task.cancel()


async def cost(api: Api, rounds: int) -> dict[str, float]:
    """Milliseconds to create a pod of one container: the median of each kind."""
    annotated, mapped = await a_namespace(api), await a_namespace(api)
    await api.create(roles(app=ROLE), mapped)
    kinds = {
        "not asking": (annotated, pod()),
        "asking": (annotated, labelled(pod(), role=ROLE)),
        "asking, its role in a ConfigMap": (mapped, labelled(pod())),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, (namespace, asking) in kinds.items():
            began = time.perf_counter()
            await api.dry_run(asking, namespace)
            taken[name].append((time.perf_counter() - began) * 1000)
    return {name: round(statistics.median(times), 1) for name, times in taken.items()}


async def _measure(count: int) -> bool:
    with tempfile.TemporaryDirectory() as directory, a_bucket(Path(directory) / "bucket") as bucket:
        async with (
            a_cluster(KUBE_APISERVER.binary, Path(directory), bucket, *BEFORE_POLICIES) as cluster,
            cluster.api() as api,
        ):
            home = Path(directory) / "webhook"
            home.mkdir()
            async with installed(cluster, home, IMAGE) as webhook:
                print("milliseconds to create a pod:", json.dumps(await cost(api, 300)))
                sizes = [await replica.metric("process_resident_memory_bytes") for replica in webhook.service.replicas]
                print("MiB of each replica:", [round(size / 1024**2, 1) for size in sizes], flush=True)
                load = Load(api, await a_namespace(api))
                between = 250
                await killing(webhook, load, IMAGE, max(1, count // (2 * between)), between)
                print("pods that ask:", json.dumps(load.asking))
                print(f"pods that do not: {len(load.bare)}, the slowest in {max(load.bare):.2f} s")
    return load.asking.keys() <= {IMAGE, "refused"}


def main() -> int:
    """Returns 1 if a pod that asked was admitted without the sidecar."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes.webhook_load", description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    return 0 if asyncio.run(_measure(parser.parse_args().pods)) else 1


if __name__ == "__main__":
    sys.exit(main())
