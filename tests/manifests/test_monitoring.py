"""One command gives prometheus-operator all that it reads."""

from typing import Any

import yaml

from tests.manifests.rendering import MANIFESTS, load, rendered


def test_the_kustomization_sends_the_pod_monitors_and_the_rules() -> None:
    sent = list(yaml.safe_load_all(rendered(MANIFESTS / "monitoring")))
    expected = [load(f"monitoring/{name}.yaml") for name in ("podmonitor", "webhook-podmonitor", "prometheusrule")]
    assert sorted(sent, key=_identity) == sorted(expected, key=_identity)


def _identity(document: dict[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]
