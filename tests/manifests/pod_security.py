"""The restricted Pod Security Standard, as a pure function over a pod's spec.

Source: kubernetes.io/docs/concepts/security/pod-security-standards (baseline and restricted, Linux pods). What the API
server itself says is the concern of the tests in `tests/kubernetes`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}


def violations(spec: Spec) -> list[str]:
    """What admission would object to, each with the place in the pod; nothing if it would let the pod in."""
    found = [*_of_pod(spec), *(f"volume {name}: {what}" for name, what in _of_volumes(spec))]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind, []):
            found += [f"container {container['name']}: {what}" for what in _of_container(container, spec)]
    return found


def _of_pod(spec: Spec) -> Iterator[str]:
    yield from (f"{name} is true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))
    context = spec.get("securityContext", {})
    used = {sysctl["name"] for sysctl in context.get("sysctls", [])}
    yield from (f"sysctl {name} is not a safe one" for name in sorted(used - SAFE_SYSCTLS))
    yield from _of_any_context(context)


def _of_volumes(spec: Spec) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", []):
        yield from ((volume["name"], f"is a {kind}") for kind in volume.keys() - {"name"} - VOLUMES)


def _of_any_context(context: Spec) -> Iterator[str]:
    """What must not be said, neither of a pod nor of a container."""
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in PROFILES:
        yield "seccompProfile is Unconfined"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in PROFILES:
        yield "appArmorProfile is Unconfined"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess is true"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions are set"


def _of_container(container: Spec, spec: Spec) -> Iterator[str]:
    own, pods = container.get("securityContext", {}), spec.get("securityContext", {})
    yield from _of_any_context(own)
    yield from _of_privileges(own)
    yield from _of_capabilities(own.get("capabilities", {}))
    if own.get("runAsNonRoot", pods.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    if "seccompProfile" not in {*own, *pods}:
        yield "seccompProfile is not set"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "a hostPort is used"
    if any("host" in handler for handler in _handlers(container)):
        yield "a probe or hook names a host"


def _of_privileges(own: Spec) -> Iterator[str]:
    if own.get("privileged"):
        yield "privileged is true"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if own.get("procMount", "Default") != "Default":
        yield "procMount is not Default"


def _of_capabilities(capabilities: Spec) -> Iterator[str]:
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    added = set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}
    yield from (f"capability {name} is added" for name in sorted(added))


def _handlers(container: Spec) -> Iterator[Spec]:
    """The network parts of probes and hooks."""
    probes = [container.get(f"{name}Probe", {}) for name in ("startup", "liveness", "readiness")]
    for handler in (*probes, *container.get("lifecycle", {}).values()):
        yield from (handler[name] for name in ("httpGet", "tcpSocket") if name in handler)
