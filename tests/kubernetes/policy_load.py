"""Many pods that ask for the sidecar, while the policies and their parameters change under them.

`python -m tests.kubernetes.policy_load` starts an API server of its own, and says what became of 10 000 pods and what
the policies cost. No pod may be admitted without the sidecar, nor with half of one policy and half of another.
"""

# ruff: noqa: T201 (a command prints)

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import aiohttp

from sidecar.inject import Options, inject
from sidecar.inject.policy import objects
from tests.inject.kit import ROLE, options, pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.bucket import a_bucket
from tests.kubernetes.build import KUBE_APISERVER
from tests.kubernetes.cluster import a_cluster
from tests.kubernetes.comparable import comparable
from tests.kubernetes.documents import Manifest
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import asking_roles, in_force, labelled, remove, roles

Answer = TypeVar("Answer")
WORKERS = 4
BETWEEN = 1.5
"""Seconds between two changes: the API server looks for them each second."""
ONE = options(image="registry.example/irsa-sidecar:one", settings={"SIDECAR_DURATION": "3600"})
TWO = options(
    image="registry.example/irsa-sidecar:two",
    region="eu-central-1",
    settings={"SIDECAR_DURATION": "7200", "SIDECAR_LISTEN": "127.0.0.1:9921"},
)
"""They differ in what the policy has and in what the parameters have."""
SHAPES = (
    pod(),
    pod(restartPolicy="Never"),
    pod(securityContext={"runAsUser": 0}),
    pod(initContainers=[{"name": "a", "image": "a"}, {"name": "b", "image": "b"}]),
    pod(containers=[{"name": f"c{number}", "image": "c"} for number in range(5)]),
    pod(containers=[{"name": "app", "image": "app", "env": [{"name": f"V{n}", "value": "x"} for n in range(20)]}]),
    pod(containers=[{"name": "app", "image": "app", "env": [{"name": "AWS_REGION", "value": "us-east-1"}]}]),
    pod(automountServiceAccountToken=False, volumes=[{"name": "data", "emptyDir": {}}]),
)


@dataclass(slots=True)
class Tally:
    """What became of pods: `one`, `two`, `bare`, `half` or the sentence of a refusal, with how many."""

    outcomes: Counter[str] = field(default_factory=Counter)
    changes: int = 0

    @property
    def refused(self) -> int:
        return self.outcomes.total() - sum(self.outcomes[name] for name in ("one", "two", "bare", "half"))


async def load(api: Api, count: int) -> Tally:
    """Ask for `count` pods in all shapes, without keeping any, while everything changes."""
    tally, namespace = Tally(), await a_namespace(api)
    await api.create(roles(app=ROLE), namespace)
    whole = {name: await _expected(api, wanted, namespace) for name, wanted in (("one", ONE), ("two", TWO))}
    async with in_force(api, ONE), asyncio.TaskGroup() as changing:
        change = changing.create_task(_keep_changing(api, namespace, tally))
        numbers = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(_ask(api, namespace, numbers, whole, tally))
        change.cancel()
    await remove(api, objects(TWO))
    return tally


async def _expected(api: Api, wanted: Options, namespace: str) -> list[Manifest]:
    """Each shape as `inject` makes it."""
    return [comparable(await api.dry_run(inject(shape, wanted).document, namespace)) for shape in SHAPES]


async def _ask(
    api: Api, namespace: str, numbers: Iterator[int], whole: dict[str, list[Manifest]], tally: Tally
) -> None:
    for number in numbers:
        index = number % len(SHAPES)
        asking = labelled(SHAPES[index], role=ROLE if number // len(SHAPES) % 2 else "")
        try:
            admitted = await _answered(partial(api.dry_run, asking, namespace))
        except Refused as refusal:
            tally.outcomes[_sentence(refusal)] += 1
            continue
        tally.outcomes[_kind(admitted, index, whole)] += 1


def _kind(admitted: Manifest, index: int, whole: dict[str, list[Manifest]]) -> str:
    if not any(container["name"] == "irsa-sidecar" for container in admitted["spec"].get("initContainers", [])):
        return "bare"
    found = comparable(admitted)
    return next((name for name, shapes in whole.items() if shapes[index] == found), "half")


def _sentence(refusal: Refused) -> str:
    """Without the name of the parameters, which differs."""
    return str(refusal).partition("denied request: ")[2].partition(":")[0] or str(refusal)


async def _keep_changing(api: Api, namespace: str, tally: Tally) -> None:
    """Policies replaced, and then what they need taken away and given back, again and again."""
    for wanted in itertools.cycle((TWO, ONE)):
        documents = objects(wanted)
        await _apply(api, documents, tally)
        for gone in (_binding(documents), _of_kind(documents, "ConfigMap"), roles(app=ROLE)):
            await _delete(api, gone, namespace)
            await asyncio.sleep(BETWEEN)
            await _apply(api, [gone], tally, namespace)
        parameters = _of_kind(documents, "ConfigMap")
        await _apply(api, [parameters | {"data": parameters["data"] | {"image": ""}}], tally)
        await _apply(api, [parameters], tally)


async def _apply(api: Api, documents: list[Manifest], tally: Tally, namespace: str = "") -> None:
    for document in documents:
        await _answered(partial(api.apply, document, namespace))
    tally.changes += 1
    await asyncio.sleep(BETWEEN)


async def _delete(api: Api, document: Manifest, namespace: str) -> None:
    """Gone is gone, also where the server ran out of time after it had deleted it."""
    try:
        await _answered(partial(api.delete, document, namespace))
    except Refused as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise


async def _answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """What the API server says, asked again if it was out of time.

    It gives a request 34 s and no flag changes that: on a machine that stood still for longer, that says nothing about
    policies.
    """
    while True:
        with suppress(TimeoutError, aiohttp.ClientConnectionError):
            try:
                return await call()
            except Refused as refusal:
                if refusal.status != HTTPStatus.GATEWAY_TIMEOUT:
                    raise


def _of_kind(documents: list[Manifest], kind: str) -> Manifest:
    return next(document for document in documents if document["kind"] == kind)


def _binding(documents: list[Manifest]) -> Manifest:
    return _of_kind(documents, "MutatingAdmissionPolicyBinding")


async def upgrades(api: Api, count: int) -> Tally:
    """Ask for pods while nothing happens but one policy replacing the other, until it has happened `count` times."""
    tally, namespace = Tally(), await a_namespace(api)
    whole = {name: await _expected(api, wanted, namespace) for name, wanted in (("one", ONE), ("two", TWO))}
    await api.create(roles(app=ROLE), namespace)
    async with in_force(api, ONE), asyncio.TaskGroup() as group:
        numbers = itertools.count()
        asking = [group.create_task(_ask(api, namespace, numbers, whole, tally)) for _ in range(WORKERS)]
        for _, wanted in zip(range(count), itertools.cycle((TWO, ONE)), strict=False):
            await _apply(api, objects(wanted), tally)
        for task in asking:
            task.cancel()
    await remove(api, objects(TWO))
    return tally


def of_size(count: int) -> Manifest:
    """A pod of so many containers, each with a port, a mount and four variables."""
    env = [{"name": f"V{number}", "value": "x"} for number in range(4)]
    more = {"image": "c", "env": env, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    containers = [{"name": f"c{number}", "ports": [{"containerPort": 8000 + number}]} | more for number in range(count)]
    return pod(containers=containers, volumes=[{"name": "data", "emptyDir": {}}])


async def cost(api: Api, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds to create a pod, not asking and asking in turn: the median of each, and what asking adds."""
    annotated, mapped = await a_namespace(api), await a_namespace(api)
    await api.create(roles(app=ROLE), mapped)
    pairs = {"1 container, no ConfigMap of roles": (annotated, SHAPES[0], labelled(SHAPES[0], role=ROLE))}
    for count in (1, 3, 10, 20):
        bare = of_size(count)
        own = asking_roles(bare, *(f"c{number}={ROLE}-{number}" for number in range(count)))
        pairs[f"{count} containers"] = (mapped, bare, labelled(bare, role=ROLE))
        pairs[f"{count} containers, a role for each"] = (mapped, bare, labelled(own, role=ROLE))
        pairs[f"{count} containers, their role in the ConfigMap"] = (mapped, bare, labelled(bare))
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pairs}
    async with in_force(api, ONE):
        for _ in range(rounds):
            for name, (namespace, *both) in pairs.items():
                for times, asking in zip(taken[name], both, strict=True):
                    times.append(await _answered(partial(_milliseconds, api, asking, namespace)))
    return {name: _compared(*map(statistics.median, times)) for name, times in taken.items()}


async def _milliseconds(api: Api, asking: Manifest, namespace: str) -> float:
    before = time.perf_counter()
    await api.dry_run(asking, namespace)
    return (time.perf_counter() - before) * 1000


def _compared(bare: float, asking: float) -> dict[str, float]:
    return {"not asking": round(bare, 1), "asking": round(asking, 1), "added": round(asking - bare, 1)}


@asynccontextmanager
async def an_api_server(*flags: str) -> AsyncIterator[Api]:
    with tempfile.TemporaryDirectory() as directory, a_bucket(Path(directory) / "bucket") as bucket:
        async with a_cluster(KUBE_APISERVER.binary, Path(directory), bucket, *flags) as cluster, cluster.api() as api:
            yield api


async def _measure(count: int) -> bool:
    async with an_api_server() as api:
        print("milliseconds to create a pod:", json.dumps(await cost(api, 200)), flush=True)
        replaced = await upgrades(api, 20)
        print(f"{replaced.changes} times one policy replaced another:", json.dumps(replaced.outcomes), flush=True)
        tally = await load(api, count)
        print(f"{tally.changes} changes of every kind:", json.dumps(tally.outcomes, indent=2), flush=True)
    return not any(each.outcomes[bad] for each in (replaced, tally) for bad in ("bare", "half"))


def main() -> int:
    """Returns 1 if a pod was admitted that should not have been."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes.policy_load", description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    return 0 if asyncio.run(_measure(parser.parse_args().pods)) else 1


if __name__ == "__main__":
    sys.exit(main())
