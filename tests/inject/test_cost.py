"""What a List of many live objects costs: as much for each as for the first, however many there are."""

import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
import yaml

from sidecar.inject import inject, manifests, remove
from sidecar.inject.manifests import BadManifest
from tests.inject.kit import options

FEW, MANY = 8, 32
OBJECT_AT_MOST = 1.1
"""How much more one of many may cost than one of few."""


def live(name: str) -> dict[str, Any]:
    """A Deployment as `kubectl get` prints it, with something to say about it."""
    fields: dict[str, Any] = {f"f:{key}": {"f:name": {}, "f:value": {}} for key in range(20)}
    env = [{"name": "AWS_PROFILE", "value": "x"}, *({"name": f"V{key}", "value": "x"} for key in range(10))]
    containers = [{"name": "app", "image": "registry.example/app:1", "env": env}]
    metadata = {"name": name, "managedFields": [{"fieldsType": "FieldsV1", "fieldsV1": fields}]}
    spec = {"template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def listed(count: int) -> str:
    items = [live(f"app-{number}") for number in range(count)]
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})


def calls(text: str) -> int:
    """How many functions are called to inject into a text. Unlike time, it is the same on a busy machine."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        (part,) = manifests.parts("file", text)
        _, findings = manifests.changed(part, lambda document: inject(document, options()), remove)
    finally:
        sys.setprofile(None)
    assert findings
    return count


def test_the_cost_of_a_list_grows_as_its_length() -> None:
    assert calls(listed(MANY)) / calls(listed(FEW)) <= OBJECT_AT_MOST * MANY / FEW


def pods(count: int) -> str:
    return "\n---\n".join(yaml.safe_dump(live(f"app-{number}")) for number in range(count))


POD = "- {kind: Pod, apiVersion: v1, spec: {containers: [{name: app}]}}\n"


def refused(text: str) -> str:
    with pytest.raises(BadManifest) as problem:
        manifests.parts("file", text)
    return str(problem.value)


def test_a_list_of_eighty_live_objects_is_taken() -> None:
    assert len(manifests.parts("file", listed(80))) == 1


def test_a_whole_cluster_is_taken_if_its_objects_are_documents() -> None:
    assert len(manifests.parts("file", pods(300))) == 300
    assert "the document has more than 250 workloads; make the objects" in refused(f"kind: List\nitems:\n{POD * 251}")


def test_a_file_may_not_unfold_to_any_size() -> None:
    bomb = "kind: Pod\na: &a [1,2,3,4,5,6,7,8]\n"
    for base, name in pairwise("abcdefg"):
        bomb += f"{name}: &{name} [{','.join([f'*{base}'] * 8)}]\n"
    assert "file:6: error: it has more than 40000 values with its aliases; make" in refused(bomb)


def test_the_largest_values_count_for_a_file_as_for_its_documents() -> None:
    piece = "kind: ConfigMap\nmore:\n" + "- a\n" * 30_000
    assert len(manifests.parts("file", "---\n".join([piece] * 3))) == 3
    assert "the file has more than 120000 values; split it, and give" in refused("---\n".join([piece] * 5))
    assert "the file has more than 10000 documents; split it" in refused("---\n" * 10_001)
    assert "the document has more than 2097152 characters" in refused("kind: Pod\nx: " + "a" * (2 << 20))


def test_what_is_not_worked_on_may_be_longer() -> None:
    definition = "kind: CustomResourceDefinition\nx: " + "a" * (3 << 20)
    assert [part.text for part in manifests.parts("file", definition)] == [definition]
