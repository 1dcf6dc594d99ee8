"""docs/rollout.md is done with the chart's webhook, on an API server that knows no policies.

Helm and the API server are real, and so are the webhook's processes, which run as the Deployment says that Helm has
installed. The API server calls them at the ClusterIP of their Service, with the CA of the page's commands.
"""

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar import __version__
from tests.chart.helm import NAMESPACE, RELEASE, VERSIONS, Helm
from tests.inject.kit import ROLE, pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.deployed import Deployment, what_it_needs
from tests.kubernetes.documents import pod_of
from tests.kubernetes.helms import a_helm_for
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import labelled
from tests.kubernetes.rolling import DEPLOYMENT, PAGE, Roll, a_roll, image_in, works
from tests.kubernetes.webhook_load import sidecars
from tests.kubernetes.webhooks import NAME, until_in_force
from tests.needs import needs

OLD, NEW = f"irsa-sidecar:{__version__}", f"irsa-sidecar:{__version__}-next"
CERTIFICATE, INSTALL = (
    re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL) for name in ("certificate", "chart")
)
_, CHANGE, REMOVE = re.findall(r"^```sh\n(helm .*?)^```", PAGE, re.DOTALL | re.MULTILINE)[:3]
UNANSWERED = ('name="inject.irsa-sidecar.dev"', 'error_type="calling_webhook_error"')
UPGRADE, ROLLBACK = CHANGE[: CHANGE.index("helm rollback")], CHANGE[CHANGE.index("helm rollback") :]

BOTH = pytest.mark.parametrize("helm", VERSIONS, indirect=True, ids=lambda version: f"helm{version}")
"""Where they may differ: Helm 4 has the API server merge (server-side apply), Helm 3 merges itself."""


@pytest.fixture
async def api(old_cluster: Cluster) -> AsyncIterator[Api]:
    async with old_cluster.api() as found:
        yield found


@pytest.fixture
def helm(request: pytest.FixtureRequest, old_cluster: Cluster, tmp_path: Path) -> Helm:
    what_it_needs()
    return a_helm_for(old_cluster, tmp_path, getattr(request, "param", max(VERSIONS)))


@pytest.fixture
async def webhook(helm: Helm, api: Api, old_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Installed, and in force."""
    await kept_certificate(api, tmp_path)
    await asyncio.to_thread(helm.shell, installation(tmp_path))
    deployment = Deployment(api, old_cluster, tmp_path / "pods", NAME, NAMESPACE)
    try:
        async with deployment.running():
            await until_in_force(api)
            yield deployment
    finally:
        await asyncio.to_thread(helm.run, "uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
        await until_in_force(api, wanted=False)


def installation(directory: Path) -> str:
    """The page's command. Other tests here have left objects of the same names, as the page's kubectl does."""
    assert INSTALL
    command = INSTALL[1].replace("REGISTRY/", "").replace("ca.crt", str(directory / "ca.crt"))
    return f"{command.rstrip()} --take-ownership\n"


async def kept_certificate(api: Api, directory: Path) -> None:
    """The page's commands: openssl's as they are, and what kubectl is told."""
    needs("openssl")
    assert CERTIFICATE
    script = "kubectl() { :; }\n" + CERTIFICATE[1]
    await asyncio.to_thread(subprocess.run, ["bash", "-ec", script], cwd=directory, check=True, capture_output=True)
    await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "stringData": {name: (directory / name).read_text() for name in ("tls.crt", "tls.key")},
    }
    await api.apply(secret)


@pytest.fixture
async def roll(webhook: Deployment, api: Api, old_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Roll]:
    async with a_roll(api, old_cluster, tmp_path) as found:
        yield found


@BOTH
async def test_a_workload_is_rolled_out_upgraded_rolled_back_and_left_alone_again(
    helm: Helm, webhook: Deployment, roll: Roll
) -> None:
    api = roll.api
    kept = await api.create(DEPLOYMENT, roll.namespace)
    assert "initContainers" not in kept["spec"]["template"]["spec"]
    async with roll.pod("web-1") as before:
        await works(before)
        await asyncio.to_thread(helm.shell, UPGRADE.replace("TAG", f"{__version__}-next"))
        await webhook.roll_out()
        async with roll.pod("web-2") as after:
            await works(after)
        await asyncio.to_thread(helm.shell, ROLLBACK)
        await webhook.roll_out()
        async with roll.pod("web-3") as again:
            await works(again)
        assert [image_in(each) for each in (before, after, again)] == [OLD, NEW, OLD]

    await asyncio.to_thread(helm.shell, REMOVE)
    await until_in_force(api, wanted=False)

    template = pod_of(DEPLOYMENT)
    assert template
    assert "initContainers" not in (await api.dry_run(template, roll.namespace))["spec"]


async def test_the_webhook_is_asked_of_pods_with_the_label_alone(webhook: Deployment, api: Api) -> None:
    namespace = await a_namespace(api)
    before = await reviews(webhook)

    for _ in range(10):
        assert not sidecars(await api.dry_run(pod(), namespace))
    assert await reviews(webhook) == before

    assert sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)) == [OLD]
    assert await reviews(webhook) == before + 1


async def test_without_its_pods_no_pod_that_asks_is_admitted_and_no_other_waits(webhook: Deployment, api: Api) -> None:
    namespace = await a_namespace(api)
    for each in webhook.service.pods:
        each.send(signal.SIGSTOP)
    asking, others = asyncio.create_task(outcome(api, namespace)), 0
    while not asking.done():
        assert not sidecars(await api.dry_run(pod(), namespace))
        others += 1
    assert "context deadline exceeded" in await asking
    assert others > 1  # each would have waited as long

    for each in list(webhook.service.pods):
        await webhook.end(each)
    assert "failed calling webhook" in await outcome(api, namespace)
    counted = await failures(api)  # which IrsaSidecarWebhookUnreachable waits for
    assert [series for series in counted if all(matcher in series for matcher in UNANSWERED)]
    assert not sidecars(await api.dry_run(pod(), namespace))


async def outcome(api: Api, namespace: str) -> str:
    try:
        return str(sidecars(await api.dry_run(labelled(pod(), role=ROLE), namespace)))
    except Refused as refusal:
        return str(refusal)


async def failures(api: Api) -> list[str]:
    """The API server's own count of pods that a webhook's part in it has had refused."""
    lines = (await api.text("/metrics")).splitlines()
    return [
        line for line in lines if line.startswith("apiserver_admission_webhook_rejection_count{") and "calling" in line
    ]


async def reviews(webhook: Deployment) -> float:
    """How many pods all replicas together were asked about."""
    series = r"^irsa_sidecar_webhook_review_duration_seconds_count (.+)$"
    pages = [(await each.page("admin", "/metrics"))[1] for each in webhook.service.pods]
    return sum(float(re.findall(series, page, re.MULTILINE)[0]) for page in pages)
