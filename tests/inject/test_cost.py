"""What a List of many live objects costs: as much for each as for the first, however many there are."""

import sys
from types import FrameType
from typing import Any

import pytest
import yaml

from sidecar.inject import inject, manifests, remove, yaml_text
from sidecar.positioned_yaml import NotYaml
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


def test_a_manifest_may_be_of_any_size_but_not_unfold_to_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MOST_NODES", 10)
    large = "kind: List\nmore:\n" + "- {a: 1}\n" * 1000
    assert len(yaml_text.read_manifest(large)[0].data()["more"]) == 1000
    with pytest.raises(NotYaml, match="more than"):
        yaml_text.read_manifest("a: &a [1,2,3,4,5,6,7,8]\n" + "b: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n")
