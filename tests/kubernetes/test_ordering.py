"""The order of things in a pod: who starts before whom, who is told first to stop, and what a crash costs.

Each test lets the pod of `manifests/pod.yaml` live, by the kubelet's rules as `kubelet` models them. The sidecar and
its probes are the real ones, run as the image would; the application is a real boto3.
"""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.kubernetes.documents import pod_of
from tests.kubernetes.kubelet.pod import Pod, running
from tests.kubernetes.live_pods import SIDECAR, a_world, as_classic, as_service, the_pod, with_init_container
from tests.manifests.rendering import applied

WHO = "arn:aws:sts::111122223333:assumed-role/irsa-sidecar-example/"
ENOUGH = 3
"""Probes that fail, or calls that succeed, before a test believes that it goes on so."""


async def until_log(pod: Pod, container: str, words: str, times: int = 1) -> None:
    while pod[container].log.count(words) < times:
        await asyncio.sleep(0.02)


async def until_probed(pod: Pod, times: int) -> None:
    while pod[SIDECAR].probed < times:
        await asyncio.sleep(0.02)


async def test_a_job_runs_from_the_first_credential_to_success_and_the_sidecar_does_not_keep_it(
    tmp_path: Path,
) -> None:
    job = the_pod(restartPolicy="Never")
    async with a_world(tmp_path, job) as world, running(job, world.node) as pod:
        await pod.until("pod Succeeded")

    assert pod.story == [
        "pod Pending",
        "irsa-sidecar starts",
        "irsa-sidecar passes its startup probe",
        "pod Running",
        "app starts",
        "app exits 0",
        "irsa-sidecar gets SIGTERM",
        "irsa-sidecar exits 0",
        "pod Succeeded",
    ]
    assert pod["app"].log.startswith(f"is {WHO}")


async def test_the_job_example_ends_well(tmp_path: Path) -> None:
    found = applied("job")
    job = pod_of(found.workload)
    assert job
    async with a_world(tmp_path, job, found.documents) as world, running(job, world.node) as pod:
        await pod.until("pod Succeeded")


async def test_the_example_for_clusters_before_1_29_serves_its_application(tmp_path: Path) -> None:
    found = applied("before-1.29")
    service = pod_of(found.workload)
    assert service
    (app,) = (container for container in service["spec"]["containers"] if container["name"] != SIDECAR)
    app |= {"command": ["aws"], "args": ["work"]}
    async with a_world(tmp_path, service, found.documents) as world, running(service, world.node) as pod:
        await until_log(pod, app["name"], "works as arn:aws:sts::", ENOUGH)


async def test_an_init_container_below_the_sidecar_has_credentials(tmp_path: Path) -> None:
    job = with_init_container(the_pod(restartPolicy="Never"), 1)
    async with a_world(tmp_path, job) as world, running(job, world.node) as pod:
        await pod.until("pod Succeeded")

    assert pod.story[2:7] == [
        "irsa-sidecar passes its startup probe",
        "migrate starts",
        "migrate exits 0",
        "pod Running",
        "app starts",
    ]


async def test_an_init_container_above_the_sidecar_has_none_so_the_sidecar_comes_first(tmp_path: Path) -> None:
    job = with_init_container(the_pod(restartPolicy="Never"), 0)
    async with a_world(tmp_path, job) as world, running(job, world.node) as pod:
        await pod.over.wait()

    assert pod.story == ["pod Pending", "migrate starts", "migrate exits 1", "pod Failed"]


@pytest.mark.parametrize("fault", ["hang", "policy-changed"])
async def test_the_application_waits_for_the_first_credential_however_sts_refuses_it(
    tmp_path: Path, fault: str
) -> None:
    async with a_world(tmp_path, the_pod()) as world:
        world.lab.faults.start(fault, None)
        async with running(the_pod(), world.node) as pod:
            await until_probed(pod, ENOUGH)
            assert pod.story == ["pod Pending", "irsa-sidecar starts"]
            world.lab.faults.end_all()
            await pod.until("pod Succeeded")

    assert pod.story.count("irsa-sidecar starts") == 1


async def test_a_deleted_pod_stops_the_application_first_which_still_gets_credentials(tmp_path: Path) -> None:
    service = as_service(the_pod())
    async with a_world(tmp_path, service) as world, running(service, world.node) as pod:
        await until_log(pod, "app", f"works as {WHO}", ENOUGH)
        await pod.delete()

    assert pod.story[-5:] == [
        "app gets SIGTERM",
        "app exits 0",
        "irsa-sidecar gets SIGTERM",
        "irsa-sidecar exits 0",
        "pod Succeeded",
    ]
    assert f"told to stop\nbrings home as {WHO}" in pod["app"].log


async def test_a_pod_that_is_deleted_before_its_first_credential_ends_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, the_pod()) as world:
        world.lab.faults.start("hang", None)
        async with running(the_pod(), world.node) as pod:
            await until_log(pod, SIDECAR, '"listening"')
            await pod.delete()

    assert pod.story[1:] == [
        "irsa-sidecar starts",
        "irsa-sidecar gets SIGTERM",
        "irsa-sidecar exits 0",
        "pod Failed",
    ]


async def test_a_sidecar_that_is_killed_comes_back_and_the_application_goes_on(tmp_path: Path) -> None:
    service = as_service(the_pod())
    async with a_world(tmp_path, service) as world, running(service, world.node) as pod:
        await until_log(pod, "app", f"works as {WHO}")
        os.kill(pod[SIDECAR].pid, signal.SIGKILL)
        await goes_on(pod)

    assert pod.story[5:8] == [
        "irsa-sidecar exits 137",
        "irsa-sidecar starts",
        "irsa-sidecar passes its startup probe",
    ]
    assert pod.story.count("app starts") == 1


async def test_a_sidecar_that_hangs_is_replaced_by_its_liveness_probe(tmp_path: Path) -> None:
    service = as_service(the_pod(terminationGracePeriodSeconds=1))
    service["spec"]["initContainers"][0]["livenessProbe"] |= {"periodSeconds": 1, "failureThreshold": 2}
    async with a_world(tmp_path, service) as world, running(service, world.node) as pod:
        await until_log(pod, "app", f"works as {WHO}")
        os.kill(pod[SIDECAR].pid, signal.SIGSTOP)
        await goes_on(pod)

    assert pod.story[5:10] == [
        "irsa-sidecar fails its liveness probe",
        "irsa-sidecar gets SIGTERM",
        "irsa-sidecar gets SIGKILL",
        "irsa-sidecar exits 137",
        "irsa-sidecar starts",
    ]


async def goes_on(pod: Pod) -> None:
    """Once the next sidecar is ready, every call of the application succeeds, but for one that was under way."""
    await pod.until("irsa-sidecar passes its startup probe", times=2)
    before = pod["app"].log.count("\n") + 1
    while len(later := pod["app"].log.splitlines()[before:]) < ENOUGH:
        await asyncio.sleep(0.02)
    assert all(line.startswith(f"works as {WHO}") for line in later)


# --- the sidecar among the ordinary containers, as before Kubernetes 1.29 ------------------------------------------


async def test_a_classic_sidecar_is_told_together_with_the_application_and_serves_it_to_its_end(tmp_path: Path) -> None:
    service = as_classic(as_service(the_pod()), grace="2")
    async with a_world(tmp_path, service) as world, running(service, world.node) as pod:
        await until_log(pod, "app", f"works as {WHO}", ENOUGH)
        await pod.delete()

    assert pod.story[-5:] == [
        "irsa-sidecar gets SIGTERM",
        "app gets SIGTERM",
        "app exits 0",
        "irsa-sidecar exits 0",
        "pod Succeeded",
    ]
    assert f"told to stop\nbrings home as {WHO}" in pod["app"].log


async def test_a_classic_sidecar_can_hold_the_application_back_by_a_hook(tmp_path: Path) -> None:
    job = as_classic(the_pod(restartPolicy="OnFailure"), grace="0")
    until_ready = "until irsa-sidecar healthcheck; do sleep 0.1; done"
    job["spec"]["containers"][0]["lifecycle"] = {"postStart": {"exec": {"command": ["sh", "-c", until_ready]}}}
    async with a_world(tmp_path, job) as world:
        world.lab.faults.start("http-503", None)
        async with running(job, world.node) as pod:
            await until_log(pod, SIDECAR, "StsUnavailable")
            assert pod.story == ["pod Pending", "pod Running", "irsa-sidecar starts"]
            world.lab.faults.end_all()
            await pod.until("app exits 0")
            await pod.delete()


async def test_beside_a_classic_sidecar_the_application_does_not_wait_and_a_job_never_ends(tmp_path: Path) -> None:
    job = as_classic(the_pod(restartPolicy="OnFailure"), grace="0")
    async with a_world(tmp_path, job) as world, running(job, world.node) as pod:
        await pod.until("app starts")
        assert pod.story == ["pod Pending", "pod Running", "irsa-sidecar starts", "app starts"]
        await pod.until("app exits 0")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pod.over.wait(), 1)
        assert pod.phase == "Running"
        await pod.delete()
