"""The webhook's replicas killed, stopped, replaced and given new certificates, while pods are created."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sidecar.inject.resources import Resources
from tests.inject.kit import ROLE, options, pod
from tests.inject.specimens import SPECIMENS, Specimen
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import in_force, labelled
from tests.kubernetes.webhook_load import Load, killing, sidecars
from tests.kubernetes.webhooks import Installation, Replica, installed, verdict
from tests.tls import Issuer
from tests.waiting import HANGS_AFTER

IMAGE = "registry.example/irsa-sidecar:changing"
PATIENCE = 5
"""Seconds that the API server waits for an answer, by the manifest."""


@pytest.fixture
async def api(old_cluster: Cluster) -> AsyncIterator[Api]:
    async with old_cluster.api() as found:
        yield found


# --- what it finds ---------------------------------------------------------------------------------------------------


def seen() -> dict[str, list[Specimen]]:
    """Those of the same options: one replica judges them."""
    found: dict[str, list[Specimen]] = {}
    for specimen in SPECIMENS:
        if not specimen.unseen:
            found.setdefault(str(dict(specimen.changes)), []).append(specimen)
    return found


def arguments(changes: Any) -> tuple[str, ...]:
    """The options as the command has them."""
    settings = tuple(f"--set={name}={value}" for name, value in changes.get("settings", {}).items())
    priority = (f"--priority-class={changes['priority_class']}",) if "priority_class" in changes else ()
    return settings + priority + tuple(amounts(changes.get("resources", Resources())))


def amounts(resources: Resources) -> Iterator[str]:
    for flag, given in {"requests": resources.requests, "limits": resources.limits}.items():
        if given:
            yield f"--{flag}={','.join(f'{name}={amount}' for name, amount in given.items())}"


@pytest.mark.parametrize("group", seen().values(), ids=seen().keys())
async def test_it_judges_as_inject_does(api: Api, old_cluster: Cluster, tmp_path: Path, group: list[Specimen]) -> None:
    async with installed(old_cluster, tmp_path, IMAGE, arguments(group[0].changes), replicas=1):
        namespace = await a_namespace(api)
        judged = {specimen.name: await verdict(api, labelled(specimen.pod, role=ROLE), namespace) for specimen in group}

    assert judged == {specimen.name: specimen.verdict for specimen in group}


# --- certificates ----------------------------------------------------------------------------------------------------


async def test_a_certificate_is_replaced_while_it_serves(api: Api, old_cluster: Cluster, tmp_path: Path) -> None:
    async with installed(old_cluster, tmp_path, IMAGE, replicas=1) as webhook:
        namespace, renewed = await a_namespace(api), Issuer("renewed")
        await webhook.trust(webhook.issuer, renewed)
        webhook.write_certificate(renewed)
        await webhook.trust(renewed)  # from now on the old certificate would be refused

        for _ in range(20):
            assert sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)) == [IMAGE]
            await asyncio.sleep(0.1)
        (replica,) = webhook.service.replicas
        assert await replica.metric('irsa_sidecar_webhook_certificate_loads_total{outcome="loaded"}') >= 2


async def test_a_certificate_that_cannot_be_used_changes_nothing_and_is_told_of(
    api: Api, old_cluster: Cluster, tmp_path: Path
) -> None:
    async with installed(old_cluster, tmp_path, IMAGE, replicas=1) as webhook:
        (webhook.certificate / "tls.crt").write_text("half of one")
        await webhook.trust(webhook.issuer, Issuer("another"))  # the API server connects anew

        (replica,) = webhook.service.replicas
        namespace = await a_namespace(api)
        async with asyncio.timeout(HANGS_AFTER):
            while not await replica.metric('irsa_sidecar_webhook_certificate_loads_total{outcome="failed"}'):
                assert sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)) == [IMAGE]
                await asyncio.sleep(0.1)


# --- replicas --------------------------------------------------------------------------------------------------------


async def test_a_replica_is_killed_under_load(api: Api, old_cluster: Cluster, tmp_path: Path) -> None:
    async with installed(old_cluster, tmp_path, IMAGE) as webhook:
        load = Load(api, await a_namespace(api))
        await killing(webhook, load, IMAGE, 3)

        assert load.asking.keys() <= {IMAGE, "refused"}
        assert load.asking[IMAGE] >= 120
        assert max(load.bare) < PATIENCE


async def test_pods_that_do_not_ask_never_wait_for_a_webhook_that_hangs(
    api: Api, old_cluster: Cluster, tmp_path: Path
) -> None:
    async with installed(old_cluster, tmp_path, IMAGE, replicas=1) as webhook:
        namespace = await a_namespace(api)
        (replica,) = webhook.service.replicas
        replica.send(signal.SIGSTOP)
        asking = asyncio.create_task(outcome(api, namespace))
        for _ in range(20):
            assert "initContainers" not in (await api.dry_run(pod(), namespace))["spec"]
            assert not asking.done()

        assert "context deadline exceeded" in await asking


async def outcome(api: Api, namespace: str) -> str:
    try:
        return str(sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)))
    except Refused as refusal:
        return str(refusal)


async def test_a_new_version_takes_over_and_no_pod_is_refused(api: Api, old_cluster: Cluster, tmp_path: Path) -> None:
    """As a Deployment does it: each new replica is ready before an old one is told to end."""
    new = f"{IMAGE}-2"
    async with installed(old_cluster, tmp_path, IMAGE) as webhook, AsyncExitStack() as stack:
        load = Load(api, await a_namespace(api))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job()) for job in (load.ask, load.ask)]
            await load.admitted(IMAGE, 20)
            for old in list(webhook.service.replicas):
                await stack.enter_async_context(webhook.replica(new))
                await ended_as_by_the_kubelet(webhook, old)
            await load.admitted(new, 40)
            for task in tasks:
                task.cancel()

        assert load.asking.keys() == {IMAGE, new}


async def ended_as_by_the_kubelet(webhook: Installation, replica: Replica) -> None:
    replica.send(signal.SIGTERM)
    await asyncio.sleep(0.2)  # until its endpoint is taken away
    webhook.service.replicas.remove(replica)
    assert await replica.process.wait() == 0


# --- the API server --------------------------------------------------------------------------------------------------


async def test_a_pod_is_refused_while_its_role_cannot_be_read(api: Api, old_cluster: Cluster, tmp_path: Path) -> None:
    async with installed(old_cluster, tmp_path, IMAGE, replicas=1) as webhook:
        namespace = await a_namespace(api)
        (webhook.directory / "token").write_text("nobody's")

        with pytest.raises(Refused, match=f"could not ask the API server for ConfigMap {namespace}/irsa-sidecar-roles"):
            await api.dry_run(labelled(pod()), namespace)
        assert sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)) == [IMAGE]


# --- the way to the policies -----------------------------------------------------------------------------------------


async def test_once_there_are_policies_the_webhook_leaves_pods_to_them(cluster: Cluster, tmp_path: Path) -> None:
    """docs/rollout.md: both are installed for a time. This API server knows policies."""
    by_policy = options(image="registry.example/irsa-sidecar:policy")
    async with (
        cluster.api() as api,
        in_force(api, by_policy),
        installed(cluster, tmp_path, IMAGE, replicas=1) as webhook,
    ):
        admitted = await api.dry_run(labelled(pod(), role=ROLE), await a_namespace(api))

        assert sidecars(admitted) == [by_policy.image]
        (replica,) = webhook.service.replicas
        assert await replica.metric('irsa_sidecar_webhook_reviews_total{outcome="kept"}') == 1
