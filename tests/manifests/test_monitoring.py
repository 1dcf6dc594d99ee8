"""One command gives prometheus-operator all that it reads."""

import yaml

from tests.manifests.rendering import MANIFESTS, load, rendered


def test_the_kustomization_sends_the_pod_monitor_and_the_rules() -> None:
    sent = list(yaml.safe_load_all(rendered(MANIFESTS / "monitoring")))
    expected = [load(f"monitoring/{name}.yaml") for name in ("podmonitor", "prometheusrule")]
    assert sorted(sent, key=_kind) == sorted(expected, key=_kind)


def _kind(document: dict[str, str]) -> str:
    return document["kind"]
