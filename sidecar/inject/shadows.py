"""Variables of an application that keep its SDK from calling the sidecar, wherever the container has them from."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.core.findings import Finding
from sidecar.core.variables import CREDENTIALS_FILE, RELATIVE_URI
from sidecar.inject.options import Options
from sidecar.inject.surroundings import Surroundings
from sidecar.inject.workload_findings import warning
from sidecar.inject.workloads import Tree, Workload, mapping, named, text

_KEYS = "SDKs use keys before they call an endpoint"
_PROFILE = "SDKs use a profile before they call an endpoint"
_PROFILES = "SDKs use what a profile in that file names before they call an endpoint"
SHADOWS = {
    "AWS_ACCESS_KEY_ID": _KEYS,
    "AWS_SECRET_ACCESS_KEY": _KEYS,
    "AWS_ACCESS_KEY": _KEYS,
    "AWS_SECRET_KEY": _KEYS,
    "AWS_PROFILE": _PROFILE,
    "AWS_DEFAULT_PROFILE": _PROFILE,
    "AWS_CONFIG_FILE": _PROFILES,
    CREDENTIALS_FILE: _PROFILES,
    "AWS_CREDENTIAL_PROFILES_FILE": _PROFILES,
    "AWS_CREDENTIAL_FILE": _PROFILES,
    "BOTO_CONFIG": _PROFILES,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "most SDKs then exchange the token themselves and never call the sidecar",
    "AWS_ROLE_ARN": "with AWS_WEB_IDENTITY_TOKEN_FILE most SDKs exchange the token themselves",
    RELATIVE_URI: "most SDKs prefer it and call 169.254.170.2, not the sidecar",
}
"""What SDKs prefer to the sidecar, measured with forty clients, and why."""
PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
EXCEPTIONS = ("NO_PROXY", "no_proxy")
PROXIED = "some SDKs then ask the proxy for the sidecar's address too; add 127.0.0.1 to NO_PROXY and no_proxy"
_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
_KINDS = {"configMapRef": "ConfigMap", "secretRef": "Secret"}


def shadow_findings(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    """What the application has that its SDK prefers, and what of its variables cannot be seen."""
    path = ("spec", key, container["name"])
    for item in named(container, "env"):
        if item["name"] in SHADOWS:
            yield warning(workload, (*path, "env", item["name"]), f"{SHADOWS[item['name']]}; remove it")
    environ: dict[str, str | None] = {}
    for source in named(container, "envFrom"):
        held = _held(source, workload.namespace, options.surroundings)
        environ |= held or {}
        for name in (name for name in held or {} if name in SHADOWS):
            yield warning(workload, (*path, "envFrom"), f"{_named(source)} sets {name}: {SHADOWS[name]}; remove it")
    environ |= {item["name"]: _value(item) for item in named(container, "env")}
    yield from _proxies(workload, (*path, "env"), environ)
    yield from _unseen(workload, options, key, container)


def sources(container: Mapping[str, Any]) -> list[str]:
    """The ConfigMaps and Secrets that set variables of a container."""
    return [_named(source) for source in named(container, "envFrom") if _named(source)]


def _named(source: Mapping[str, Any]) -> str:
    found = (f"{kind} {text(mapping(source, ref), 'name')}" for ref, kind in _KINDS.items() if ref in source)
    return next(found, "")


def _value(item: Mapping[str, Any]) -> str | None:
    return None if "valueFrom" in item else str(item.get("value") or "")


def _held(source: Mapping[str, Any], namespace: str, around: Surroundings) -> dict[str, str | None] | None:
    """The variables from a source; None if it is not in the files."""
    for (kind, place, name), held in around.variables.items():
        if f"{kind} {name}" == _named(source) and (place == namespace or not place or not namespace):
            return {text(source, "prefix") + key: value for key, value in held.items()}
    return None


def _unseen(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    unseen = [
        _named(source)
        for source in named(container, "envFrom")
        if _named(source) and _held(source, workload.namespace, options.surroundings) is None
    ]
    if unseen:
        yield warning(
            workload,
            ("spec", key, container["name"], "envFrom"),
            f"the variables from {', '.join(unseen)} cannot be seen here. If AWS_ACCESS_KEY_ID, AWS_PROFILE or another "
            "that SDKs prefer is among them, they never call the sidecar: irsa-sidecar doctor checks it in the pod",
        )


def _proxies(workload: Workload, path: tuple[str, ...], environ: Mapping[str, str | None]) -> Iterator[Finding]:
    proxy = next((name for name in PROXIES if environ.get(name, "") != ""), "")
    exceptions = [environ[name] for name in EXCEPTIONS if name in environ]
    if proxy and not any(value is None or _exempts_loopback(value) for value in exceptions):
        yield warning(
            workload,
            (*path, proxy),
            PROXIED,
        )


def _exempts_loopback(exceptions: str) -> bool:
    return any(_covers_loopback(entry.strip().strip("[]")) for entry in exceptions.split(","))


def _covers_loopback(entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return _LOOPBACK in ipaddress.ip_network(entry.partition(":")[0], strict=False)
    except ValueError:
        return False
