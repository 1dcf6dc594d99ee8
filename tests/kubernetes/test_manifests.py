"""What a real API server says to every manifest: decoded strictly, defaulted, admitted, validated. Nothing is kept."""

from pathlib import Path

import pytest

from tests.chart.helm import EVERYTHING, VERSIONS, a_helm
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import Document, Manifest, documents, together
from tests.kubernetes.live_pods import the_pod
from tests.kubernetes.namespaces import a_namespace


@pytest.mark.parametrize("document", documents(), ids=str)
async def test_the_api_server_takes_every_manifest(with_operators: Cluster, api: Api, document: Document) -> None:
    namespace = await a_namespace(api)
    taken = await api.dry_run(renamed(document.content), namespace)

    assert taken["metadata"].get("namespace", namespace) == namespace


def renamed(content: Manifest) -> Manifest:
    """Other tests keep objects that belong to no namespace: these would meet them."""
    metadata = content["metadata"]
    return content | {"metadata": metadata | {"name": f"{metadata['name']}-again"}} if "name" in metadata else content


@pytest.mark.parametrize("injection", ["policy", "webhook"])
async def test_the_api_server_takes_all_of_the_chart(
    with_operators: Cluster, api: Api, injection: str, tmp_path: Path
) -> None:
    helm = a_helm(tmp_path, max(VERSIONS))
    namespace = await a_namespace(api)

    for content in helm.render(f"--values={EVERYTHING}", f"--set=injection={injection}"):
        assert await api.dry_run(renamed(content), namespace)


async def test_a_field_that_an_operator_does_not_know_is_refused(with_operators: Cluster, api: Api) -> None:
    monitor = next(each.content for each in together("monitoring") if each.content["kind"] == "PodMonitor")
    misspelt = monitor | {"spec": monitor["spec"] | {"selectors": monitor["spec"]["selector"]}}

    with pytest.raises(Refused, match=r'unknown field "spec\.selectors"'):
        await api.dry_run(misspelt, await a_namespace(api))


async def test_the_api_server_keeps_the_sidecar_a_native_one(api: Api) -> None:
    taken = await api.dry_run(the_pod(), await a_namespace(api))

    assert taken["spec"]["initContainers"][0]["restartPolicy"] == "Always"


async def test_a_misspelt_field_is_refused_so_the_others_are_not_misspelt(api: Api) -> None:
    pod = the_pod()
    pod["spec"]["initContainers"][0]["startUpProbe"] = pod["spec"]["initContainers"][0].pop("startupProbe")

    with pytest.raises(Refused, match=r'unknown field "spec\.initContainers\[0\]\.startUpProbe"'):
        await api.dry_run(pod, await a_namespace(api))
