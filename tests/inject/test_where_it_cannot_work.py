"""Pods that no node can start with the sidecar are refused, and what stands in the way is named."""

from typing import Any

import pytest

from sidecar.inject import Level, inject
from sidecar.inject.surroundings import surroundings_of
from tests.inject.kit import options, pod


def said(document: Any, *others: Any, **changes: Any) -> list[str]:
    """What is said of a document that stands in one file with others."""
    around = surroundings_of([document, *others])
    outcome = inject(document, options(surroundings=around, **changes))
    return [f"{finding.level}: {finding.message}" for finding in outcome.findings]


# --- mounts ----------------------------------------------------------------------------------------------------------


def mounting(path: str, volume: dict[str, Any], **mount: Any) -> dict[str, Any]:
    mounts = [{"name": "x", "mountPath": path, **mount}]
    return pod(containers=[{"name": "app", "volumeMounts": mounts}], volumes=[{"name": "x", **volume}])


READ_ONLY: dict[str, dict[str, Any]] = {
    "a ConfigMap": {"configMap": {"name": "c"}},
    "a Secret": {"secret": {"secretName": "s"}},
    "downward API files": {"downwardAPI": {"items": []}},
    "projected files": {"projected": {"sources": []}},
    "an image": {"image": {"reference": "r"}},
}
PARENTS = ["/var/run", "/var/run/", "/run", "/var", "/", "//var//run", "/var/lib/../run"]


@pytest.mark.parametrize("path", PARENTS)
@pytest.mark.parametrize(("kind", "volume"), READ_ONLY.items(), ids=READ_ONLY.keys())
def test_a_parent_in_which_no_directory_can_be_made_is_refused_by_name(
    path: str, kind: str, volume: dict[str, Any]
) -> None:
    (error,) = said(mounting(path, volume))
    assert error.startswith(f"error: Pod/app, container app, volumeMounts {path}: it is {kind}, ")
    assert "the container would not start; mount it at a path of its own" in error


@pytest.mark.parametrize(
    ("volume", "mount", "reason"),
    [
        ({"emptyDir": {}}, {"readOnly": True}, "it is mounted read-only"),
        ({"hostPath": {"path": "/run"}}, {"readOnly": True}, "it is mounted read-only"),
        ({"persistentVolumeClaim": {"claimName": "c", "readOnly": True}}, {}, "its volume is read-only"),
        ({"nfs": {"server": "s", "path": "/", "readOnly": True}}, {}, "its volume is read-only"),
        ({"csi": {"driver": "d", "readOnly": True}}, {}, "its volume is read-only"),
    ],
)
def test_so_is_any_volume_that_is_read_only(volume: dict[str, Any], mount: dict[str, Any], reason: str) -> None:
    (error,) = said(mounting("/var/run", volume, **mount))
    assert error.startswith("error: ")
    assert reason in error


@pytest.mark.parametrize("volume", [{"emptyDir": {}}, {"persistentVolumeClaim": {"claimName": "c"}}])
@pytest.mark.parametrize("path", PARENTS)
def test_a_parent_that_can_be_written_starts(path: str, volume: dict[str, Any]) -> None:
    assert said(mounting(path, volume)) == []


@pytest.mark.parametrize("path", ["/var/lib", "/run/app", "/var/run/secrets/kubernetes.io/serviceaccount", "/srv"])
def test_a_read_only_mount_beside_ours_starts(path: str) -> None:
    assert said(mounting(path, READ_ONLY["a Secret"])) == []


def test_the_nearest_parent_decides() -> None:
    mounts = [{"name": "c", "mountPath": "/var"}, {"name": "e", "mountPath": "/var/run"}]
    volumes = [{"name": "c", "configMap": {"name": "c"}}, {"name": "e", "emptyDir": {}}]
    assert said(pod(containers=[{"name": "app", "volumeMounts": mounts}], volumes=volumes)) == []


def test_a_claim_of_a_stateful_set_replaces_the_volume_of_its_name() -> None:
    template = mounting("/var/run", READ_ONLY["a ConfigMap"])
    whole = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}}
    spec = {"template": template, "volumeClaimTemplates": [{"metadata": {"name": "x"}}]}
    assert said(whole | {"spec": spec}) == []


def test_a_directory_that_would_be_made_on_the_node_is_told_of() -> None:
    (warning,) = said(mounting("/var/run", {"hostPath": {"path": "/var/run"}}))
    assert warning.startswith("warning: Pod/app, container app, volumeMounts /var/run: ")
    assert "makes an empty directory on the node" in warning


def test_a_container_that_gets_no_credentials_may_mount_what_it_likes() -> None:
    document = mounting("/var/run", READ_ONLY["a ConfigMap"])
    document["spec"]["containers"].append({"name": "other"})
    assert said(document, containers=frozenset({"other"})) == []


def test_without_the_container_endpoint_no_token_is_mounted() -> None:
    settings = {"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}
    assert said(mounting("/var/run", READ_ONLY["a ConfigMap"]), settings=settings) == []


@pytest.mark.parametrize("path", ["/run/irsa-sidecar", "/run/irsa-sidecar/more", "/var/run/irsa-sidecar/"])
def test_our_own_place_is_taken_also_through_the_link(path: str) -> None:
    (error,) = said(mounting(path, {"emptyDir": {}}))
    assert "the authorization token is mounted there; mount this elsewhere" in error


# --- Windows ---------------------------------------------------------------------------------------------------------


def affinity(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": [{"matchExpressions": expressions} for expressions in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def os_is(operator: str, *values: str, key: str = "kubernetes.io/os") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


ZONE = {"key": "zone", "operator": "Exists"}
WINDOWS = {
    "by affinity": (affinity([os_is("In", "windows")]), "affinity"),
    "by affinity with more": (affinity([ZONE, os_is("In", "windows")], [os_is("NotIn", "linux")]), "affinity"),
    "by the old label": (affinity([os_is("In", "windows", key="beta.kubernetes.io/os")]), "affinity"),
    "by options": ({"securityContext": {"windowsOptions": {"runAsUserName": "u"}}}, "securityContext"),
    "by a container's options": (
        {"containers": [{"name": "app", "securityContext": {"windowsOptions": {"hostProcess": True}}}]},
        "container app, securityContext",
    ),
    "by the runtime's name": ({"runtimeClassName": "windows-2022"}, "runtimeClassName"),
    "by containerd's runtime": ({"runtimeClassName": "runhcs-wcow-process"}, "runtimeClassName"),
}


@pytest.mark.parametrize(("spec", "place"), WINDOWS.values(), ids=WINDOWS.keys())
def test_a_pod_for_windows_is_refused(spec: dict[str, Any], place: str) -> None:
    (error,) = said(pod(**spec))
    assert error.startswith(f"error: Pod/app, {place}: the sidecar's image is for Linux; ")


@pytest.mark.parametrize(
    "spec",
    [
        affinity([os_is("In", "linux")]),
        affinity([os_is("In", "windows")], [ZONE]),
        affinity([os_is("In", "windows", "linux")]),
        affinity([os_is("NotIn", "windows")]),
        affinity([os_is("Exists")]),
        {"affinity": {"podAntiAffinity": {}}},
        {"securityContext": {"windowsOptions": None}},
        {"runtimeClassName": "gvisor"},
    ],
)
def test_a_pod_that_may_run_on_linux_is_not(spec: dict[str, Any]) -> None:
    assert said(pod(**spec)) == []


@pytest.mark.parametrize(
    "runtime",
    [{"handler": "runhcs-wcow-hypervisor"}, {"scheduling": {"nodeSelector": {"kubernetes.io/os": "windows"}}}],
)
def test_a_runtime_class_in_the_files_says_what_its_name_hides(runtime: dict[str, Any]) -> None:
    other = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "fast"}}
    (error,) = said(pod(runtimeClassName="fast"), other | runtime)
    assert error.startswith("error: Pod/app, runtimeClassName: ")
    assert said(pod(runtimeClassName="fast"), other | {"handler": "runsc"}) == []


# --- ports of the node -----------------------------------------------------------------------------------------------


def on_node(name: str, **spec: Any) -> dict[str, Any]:
    return pod(**{"hostNetwork": True} | spec) | {"metadata": {"name": name}}


def errors(document: Any, *others: Any, **changes: Any) -> list[str]:
    return [line for line in said(document, *others, **changes) if line.startswith(Level.ERROR)]


def test_two_sidecars_on_the_nodes_network_are_refused() -> None:
    (error,) = errors(on_node("one"), on_node("two"))
    assert error.startswith("error: Pod/one, hostNetwork: Pod/two takes port 9911, 9912 of the node too")
    assert "--set SIDECAR_LISTEN=127.0.0.1:PORT --set SIDECAR_ADMIN_LISTEN=0.0.0.0:PORT" in error


def test_with_ports_of_its_own_the_second_is_not() -> None:
    first = inject(on_node("one"), options(only=frozenset({"Pod/one"}))).document
    other = {"SIDECAR_LISTEN": "127.0.0.1:9921", "SIDECAR_ADMIN_LISTEN": "0.0.0.0:9922"}
    assert errors(on_node("two"), first, only=frozenset({"Pod/two"}), settings=other) == []
    (error,) = errors(on_node("two"), first, only=frozenset({"Pod/two"}))
    assert "Pod/one takes port 9912 of the node too" in error


@pytest.mark.parametrize("port", [{"containerPort": 8080, "hostPort": 9912}, {"containerPort": 9912, "hostPort": 9911}])
def test_nor_may_another_workload_take_one_of_them_as_a_port_of_the_node(port: dict[str, int]) -> None:
    other = pod(containers=[{"name": "app", "ports": [port]}]) | {"metadata": {"name": "other"}}
    (error,) = errors(on_node("one"), other)
    assert "Pod/other takes port" in error


@pytest.mark.parametrize(
    "other",
    [
        on_node("two", nodeSelector={"pool": "b"}),
        pod(containers=[{"name": "app", "ports": [{"containerPort": 9913}]}]),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},
    ],
)
def test_workloads_that_cannot_meet_are_not_in_each_others_way(other: dict[str, Any]) -> None:
    assert errors(on_node("one", nodeSelector={"pool": "a"}), other) == []
    assert errors(pod(), on_node("two")) == []


# --- what is no manifest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [[], {}, 1, None])
def test_what_names_no_version_is_no_workload(version: Any) -> None:
    document = pod() | {"apiVersion": version}
    assert inject(document, options()).document == document


@pytest.mark.parametrize("values", [[["windows"]], [{}], [None], "windows"])
def test_what_kubernetes_would_not_take_in_an_affinity_is_left_to_it(values: Any) -> None:
    rule = {"key": "kubernetes.io/os", "operator": "In", "values": values}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    assert said(pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})) == []
