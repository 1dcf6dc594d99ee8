"""The Helm chart: what it renders is what `inject --policy` prints, whatever the values."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.inject import Options
from sidecar.inject.policy import objects
from sidecar.inject.resources import Resources
from tests.chart.helm import CHART, EVERYTHING, NAMESPACE, Helm, HelmRefused, Manifest
from tests.manifests.rendering import MANIFESTS, rendered
from tools import chart, release_files

REGION = "--set=region=eu-west-1"


def comparable(documents: Iterable[Manifest]) -> dict[str, Manifest]:
    """By kind and name; without the namespace, what only Helm reads, and the digest, which each has its own way to."""
    found = {}
    for document in documents:
        metadata = {key: value for key, value in document["metadata"].items() if key != "annotations"}
        text = re.sub(
            r"irsa-sidecar-[0-9a-f]{8}\b", "irsa-sidecar-DIGEST", json.dumps(document | {"metadata": metadata})
        )
        if document["kind"] != "Namespace":
            same: Manifest = json.loads(text)
            found[f"{same['kind']} {same['metadata']['name']}"] = same
    return found


# --- what it renders -------------------------------------------------------------------------------------------------


def test_what_it_has_from_elsewhere_is_up_to_date() -> None:
    for path, content in chart.files():
        assert path.read_text() == content, f"make docs writes {path}"


def test_helm_finds_nothing_to_improve(helm: Helm) -> None:
    helm.run("lint", "--strict", str(CHART), f"--values={EVERYTHING}", "--kube-version=1.37.0")


def test_it_renders_what_kubectl_applies(helm: Helm) -> None:
    manifests = yaml.safe_load_all(rendered(MANIFESTS / "policy"))

    assert comparable(helm.render(REGION)) == comparable(manifests)


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        (["image.repository=registry.example/x", "image.tag=1"], {"image": "registry.example/x:1"}),
        (["image.digest=sha256:" + "0" * 64], {"image": "irsa-sidecar@sha256:" + "0" * 64}),
        (["image.pullPolicy=Always"], {"image_pull_policy": "Always"}),
        (["imagePullSecrets[0].name=a"], {"image_pull_secrets": ("a",)}),
        (["priorityClassName=high"], {"priority_class": "high"}),
        (
            ["imagePullSecrets[0].name=a", "imagePullSecrets[1].name=b", "priorityClassName=high"],
            {"image_pull_secrets": ("a", "b"), "priority_class": "high"},
        ),
        (["image.pullPolicy=Never", "priorityClassName=low"], {"image_pull_policy": "Never", "priority_class": "low"}),
        (["audience=sts", "tokenExpirationSeconds=86400"], {"audience": "sts", "token_expiration": 86_400}),
        (
            ["resources.limits.cpu=1", "resources.limits.memory=268435456", "resources.requests.cpu=20m"],
            {"resources": Resources({"cpu": "20m"}, {"cpu": "1", "memory": "268435456"})},
        ),
        (["resources.limits.memory=null"], {"resources": Resources({}, {"memory": "none"})}),
    ],
    ids=str,
)
def test_each_value_is_an_option_of_inject(helm: Helm, flags: list[str], chosen: dict[str, Any]) -> None:
    by_inject = objects(Options(region="eu-west-1", **chosen), namespace=NAMESPACE)

    assert comparable(helm.render(REGION, *(f"--set={flag}" for flag in flags))) == comparable(by_inject)


def test_what_a_release_publishes_renders_the_same(helm: Helm, tmp_path: Path) -> None:
    package = tmp_path / "irsa-sidecar.tgz"
    package.write_bytes(release_files.chart(release_files.CHART, 0))

    of_package = helm.run(
        "template",
        "irsa-sidecar",
        str(package),
        "--namespace",
        NAMESPACE,
        "--kube-version=1.37.0",
        f"--values={EVERYTHING}",
    )

    assert comparable(yaml.safe_load_all(of_package)) == comparable(helm.render(f"--values={EVERYTHING}"))


@pytest.mark.parametrize("flag", ["image.tag=other", "priorityClassName=high", "resources.limits.memory=1Gi"])
def test_other_parameters_have_another_name(helm: Helm, flag: str) -> None:
    before, after = ({name_of_parameters(helm.render(REGION, *more))} for more in ((), (f"--set={flag}",)))

    assert not before & after


def test_monitoring_alone_leaves_the_parameters_name(helm: Helm) -> None:
    assert name_of_parameters(helm.render(REGION)) == name_of_parameters(
        helm.render(REGION, "--set=monitoring.rules=true", "--set=dashboard.enabled=true")
    )


def test_only_what_api_servers_need_to_follow_config_maps_outlives_it(helm: Helm) -> None:
    kept = [
        (document["kind"], document["metadata"]["name"])
        for document in helm.render(f"--values={EVERYTHING}")
        if document["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    ]

    assert sorted(kept) == [
        ("MutatingAdmissionPolicy", "irsa-sidecar-role"),
        ("MutatingAdmissionPolicyBinding", "irsa-sidecar-role"),
    ]


# --- monitoring ------------------------------------------------------------------------------------------------------


def test_monitoring_is_that_of_the_manifests_with_your_labels(helm: Helm) -> None:
    manifests = list(yaml.safe_load_all(rendered(MANIFESTS / "monitoring")))
    for document in manifests:
        document["metadata"]["namespace"] = NAMESPACE
        document["metadata"]["labels"]["release"] = "prometheus"

    everything = comparable(helm.render(f"--values={EVERYTHING}"))

    assert {name: everything[name] for name in comparable(manifests)} == comparable(manifests)


def test_the_dashboard_is_what_grafanas_sidecar_loads(helm: Helm) -> None:
    config_map = comparable(helm.render(f"--values={EVERYTHING}"))["ConfigMap irsa-sidecar-dashboard"]

    assert config_map["metadata"]["labels"] == {"grafana_dashboard": "1"}
    dashboard = (MANIFESTS / "monitoring" / "dashboard.json").read_text()
    assert json.loads(config_map["data"]["irsa-sidecar.json"]) == json.loads(dashboard)


# --- what it refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "region"),
        (["region=Ireland"], "region"),
        (["region=eu-west-1", "image.tga=1"], "tga"),
        (["region=eu-west-1", "image.pullPolicy=Sometimes"], "pullPolicy"),
        (["region=eu-west-1", "priorityClassName=it's"], "priorityClassName"),
        (["region=eu-west-1", "imagePullSecrets[0].name=it's"], "name"),
        (["region=eu-west-1", "tokenExpirationSeconds=60"], "tokenExpirationSeconds"),
        (["region=eu-west-1", "resources.limits.memory=lots"], "memory"),
        (["region=eu-west-1", "resources.limits.disk=1Gi"], "disk"),
    ],
)
def test_a_bad_value_is_named(helm: Helm, flags: list[str], named: str) -> None:
    with pytest.raises(HelmRefused, match="values don't meet the specifications") as refusal:
        helm.render(*(f"--set={flag}" for flag in flags))

    assert named in str(refusal.value)


def test_clusters_without_the_policies_are_told_so(helm: Helm) -> None:
    with pytest.raises(HelmRefused, match=r"1\.36 or newer, and this is v1\.35\.4: set injection=webhook\."):
        helm.render(REGION, kubernetes="1.35.4")


def test_a_version_that_helm_chose_itself_can_be_named(helm: Helm) -> None:
    """Without a cluster: 1.20, if that Helm was made by `go build`."""
    with pytest.raises(HelmRefused, match="Without a cluster Helm chooses it: name yours with --kube-version"):
        helm.render(REGION, kubernetes="1.20.0")

    assert helm.run("template", "irsa-sidecar", str(CHART), REGION, "--kube-version=1.36.0")


def test_a_cluster_of_a_provider_counts_by_its_numbers(helm: Helm) -> None:
    assert helm.render(REGION, kubernetes="1.36.1-eks-1a2b3c4")


def name_of_parameters(documents: list[Manifest]) -> str:
    (name,) = (
        document["metadata"]["name"]
        for document in documents
        if document["kind"] == "ConfigMap" and "image" in document["data"]
    )
    return str(name)
