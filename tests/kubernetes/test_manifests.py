"""What a real API server says to every manifest: decoded strictly, defaulted, admitted, validated. Nothing is kept."""

import pytest

from tests.kubernetes.api import Api, Refused
from tests.kubernetes.documents import CUSTOM_KINDS, Document, Manifest, documents
from tests.kubernetes.live_pods import the_pod
from tests.kubernetes.namespaces import a_namespace


@pytest.mark.parametrize("document", documents(), ids=str)
async def test_the_api_server_takes_every_manifest(api: Api, document: Document) -> None:
    kind = document.content["kind"]
    if kind in CUSTOM_KINDS:
        pytest.skip(f"{kind} is an operator's: this API server has never heard of it")
    namespace = await a_namespace(api)
    taken = await api.dry_run(renamed(document.content), namespace)

    assert taken["metadata"].get("namespace", namespace) == namespace


def renamed(content: Manifest) -> Manifest:
    """Other tests keep objects that belong to no namespace: these would meet them."""
    metadata = content["metadata"]
    return content | {"metadata": metadata | {"name": f"{metadata['name']}-again"}} if "name" in metadata else content


async def test_the_api_server_keeps_the_sidecar_a_native_one(api: Api) -> None:
    taken = await api.dry_run(the_pod(), await a_namespace(api))

    assert taken["spec"]["initContainers"][0]["restartPolicy"] == "Always"


async def test_a_misspelt_field_is_refused_so_the_others_are_not_misspelt(api: Api) -> None:
    pod = the_pod()
    pod["spec"]["initContainers"][0]["startUpProbe"] = pod["spec"]["initContainers"][0].pop("startupProbe")

    with pytest.raises(Refused, match=r'unknown field "spec\.initContainers\[0\]\.startUpProbe"'):
        await api.dry_run(pod, await a_namespace(api))
