"""The URIs by which an application's SDK is led to the sidecar over HTTP: the container endpoint's and the ECS one."""

from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from sidecar.core.findings import Finding
from sidecar.core.variables import FULL_URI, RELATIVE_URI
from sidecar.doctor.application_way import (
    ECS_HOST,
    HTTP_PORT,
    Way,
    leads_to,
    parsed,
    role_alone_at,
    role_asked_for,
    roles_at,
    same_host,
    served,
    serves_ecs_address,
    shared,
    tcp,
    ways,
    where,
    without_password,
)
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER, ECS, FaceSpec
from sidecar.faces.routes import CREDENTIALS_PATH, DEFAULT_PATHS, can_lead_to_a_role
from sidecar.http.addresses import Address, TcpAddress, is_loopback, is_private, nearest
from sidecar.settings.container_source import is_agent
from sidecar.settings.roles import RoleSettings

SERVED_PATHS = f"The sidecar serves {' and '.join(DEFAULT_PATHS)}."


def set_full_uri(pod: Pod, role: RoleSettings | None = None) -> str:
    """What to put into the container's env for this role; for the default one where none is told."""
    asked = role or (pod.config.roles.default_role if pod.config else None)
    own = asked.listen.get(CONTAINER) if asked else None
    found = tcp(shared(pod, CONTAINER) if own is None else own)
    address = _host(nearest(found)) if found else "127.0.0.1:9911"
    named = asked is not None and own is None and pod.config is not None and asked.name != pod.config.roles.default
    return _variable(address, f"/{asked.name}" if asked and named else "")


def _host(address: Address) -> str:
    """As a URL has it: the literal 127.0.0.1 where that leads there, or where nothing on loopback does."""
    assert isinstance(address, TcpAddress)
    if same_host(address.host, "127.0.0.1") or not is_loopback(address.host):
        return f"127.0.0.1:{address.port}"
    return str(address)


def _variable(address: str, ending: str = "") -> str:
    return f"- name: {FULL_URI}\n  value: http://{address}{CREDENTIALS_PATH}{ending}"


def _mended(pod: Pod, url: SplitResult) -> str:
    """What asks for the same role: that of the address, if it is one's own, else the one that the path names."""
    alone = role_alone_at(pod, url, CONTAINER, ECS)
    if alone is None:
        return set_full_uri(pod, role_asked_for(pod, url, CONTAINER, ECS))
    usual = f"127.0.0.1:{url.port or HTTP_PORT}"
    same = role_alone_at(pod, urlsplit(f"http://{usual}"), CONTAINER, ECS) is alone
    return _variable(usual if same else url.netloc.rpartition("@")[2])


def full_uri(pod: Pod) -> Finding | None:
    if pod.app is None or Way.FULL_URI not in ways(pod):
        return None
    if FULL_URI in pod.hidden:
        return skipped("app-uri", f"{FULL_URI} from {pod.hidden[FULL_URI]}", "Not checked: where it leads.")
    if not pod.app.get(FULL_URI):
        return missing(pod, "app-uri", f"{FULL_URI} is missing", "No SDK will use the sidecar.", set_full_uri(pod))
    url = parsed(pod.app[FULL_URI])
    if url is None:
        return failed("app-uri", f"{FULL_URI} is not a URL", "No SDK will use the sidecar.", set_full_uri(pod))
    return _judged(pod, url)


def _judged(pod: Pod, url: SplitResult) -> Finding:
    saw, fix = f"{FULL_URI}={without_password(url)}{url.path}", _mended(pod, url)
    for wrong in _WRONG:
        if problem := wrong(pod, url):
            return failed("app-uri", saw, problem, fix)
    if url.hostname != "127.0.0.1":
        return warned("app-uri", saw, "Older SDKs accept only the literal 127.0.0.1.", fix)
    if not url.path:
        return warned("app-uri", saw, "The path is missing, and not every client adds the slash.", fix)
    return passed("app-uri", saw, "An address that every SDK accepts.")


def _scheme(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001 (all of these are asked alike)
    return "" if url.scheme == "http" else "The sidecar serves plain http only."


def _in_pod(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001
    if is_private(url.hostname or ""):
        return ""
    return "SDKs refuse plain http to an address that is not loopback, some of them without an error."


def _path(pod: Pod, url: SplitResult) -> str:
    if url.query:
        return "Some clients drop the query string; put everything into the path."
    return _served(pod, url, CONTAINER, ECS)


def _served(pod: Pod, url: SplitResult, *faces: FaceSpec) -> str:
    """What is wrong with a path at an address of these faces, if anything is."""
    if not can_lead_to_a_role(url.path):
        return SERVED_PATHS
    here, asked = roles_at(pod, url, *faces), role_asked_for(pod, url, *faces)
    if pod.config is None or asked in here:
        return ""
    if asked is None:
        names = ", ".join(role.name for role in here or served(pod))
        return f"The sidecar has no role of this name; it has: {names}."
    return f"The role {asked.name} is not served at this address, but at {_own(asked)}." if here else ""


def _own(role: RoleSettings) -> str:
    """The addresses at which alone a role is asked for, for a message."""
    own = [str(address) for face in (CONTAINER, ECS) for address in role.listen.get(face, ())]
    return ", ".join(own) or "none (sidecar_listen = off)"


def _listens(pod: Pod, url: SplitResult) -> str:
    if pod.config is None or pod.app is pod.environ:
        return ""
    if leads_to(pod, CONTAINER, url) or leads_to(pod, ECS, url):
        return ""
    agent = "The EKS Pod Identity agent answers there. " if is_agent(url.geturl()) else ""
    return f"{agent}{where(pod, CONTAINER)}"


_WRONG: tuple[Callable[[Pod, SplitResult], str], ...] = (_scheme, _in_pod, _path, _listens)
"""What no SDK could work with: each says what, or "" if it finds nothing."""


def relative_uri(pod: Pod) -> Finding | None:
    if pod.app is None or Way.RELATIVE_URI not in ways(pod):
        return None
    if RELATIVE_URI in pod.hidden:
        return skipped("app-relative-uri", f"{RELATIVE_URI} from {pod.hidden[RELATIVE_URI]}", "Not checked.")
    fix = f"- name: {RELATIVE_URI}\n  value: /v1/credentials"
    if not pod.app.get(RELATIVE_URI):
        return missing(pod, "app-relative-uri", f"{RELATIVE_URI} is missing", "No SDK will use the sidecar.", fix)
    return _relative(pod, pod.app[RELATIVE_URI].partition("?")[0], fix) if pod.config else None


def _relative(pod: Pod, path: str, fix: str) -> Finding:
    if not serves_ecs_address(pod):
        return failed(
            "app-relative-uri",
            f"{RELATIVE_URI} is set",
            f"Most SDKs prefer it, and call {ECS_HOST} instead. {where(pod, ECS)}",
            pod.without(RELATIVE_URI),
        )
    if problem := _served(pod, urlsplit(f"http://{ECS_HOST}/{path.lstrip('/')}"), ECS):
        return failed("app-relative-uri", f"{RELATIVE_URI}={path}", problem, fix)
    return passed("app-relative-uri", f"{RELATIVE_URI}={path}", f"The sidecar answers at {ECS_HOST}.")
