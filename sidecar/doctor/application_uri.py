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
    serves_ecs_address,
    tcp,
    ways,
    where,
)
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER, ECS
from sidecar.faces.routes import DEFAULT_PATHS, can_lead_to_a_role, role_named_by
from sidecar.http.addresses import is_private, nearest
from sidecar.settings.roles import RoleSettings

SERVED_PATHS = f"The sidecar serves {' and '.join(DEFAULT_PATHS)}."


def set_full_uri(pod: Pod) -> str:
    """What to put into the container's env."""
    found = tcp(pod, CONTAINER)
    return _variable(f"127.0.0.1:{nearest(found).port if found else 9911}")  # type: ignore[union-attr] # of TCP all of them


def _variable(address: str) -> str:
    return f"- name: {FULL_URI}\n  value: http://{address}/v1/credentials"


def _mended(pod: Pod, url: SplitResult) -> str:
    """What asks for the same role where the URL's address is that of one alone."""
    alone = role_alone_at(pod, url, CONTAINER, ECS)
    if alone is None:
        return set_full_uri(pod)
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
    saw, fix = f"{FULL_URI}={url.scheme}://{url.hostname}:{url.port or 80}{url.path}", _mended(pod, url)
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


def _host(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001
    if is_private(url.hostname or ""):
        return ""
    return "SDKs refuse plain http to an address that is not loopback, some of them without an error."


def _path(pod: Pod, url: SplitResult) -> str:
    if url.query:
        return "Some clients drop the query string; put everything into the path."
    return _served(pod, url.path, role_alone_at(pod, url, CONTAINER, ECS))


def _served(pod: Pod, path: str, alone: RoleSettings | None) -> str:
    """What is wrong with a path, if anything is. `alone`: the only role at this address, if it is one's own."""
    if not can_lead_to_a_role(path):
        return SERVED_PATHS
    name = role_named_by(path)
    if not name or pod.config is None:
        return ""
    names = [role.name for role in ((alone,) if alone else pod.config.roles.served)]
    return "" if name in names else f"The sidecar has no role of this name; it has: {', '.join(names)}."


def _listens(pod: Pod, url: SplitResult) -> str:
    if pod.config is None or pod.app is pod.environ:
        return ""
    return "" if leads_to(pod, CONTAINER, url) or leads_to(pod, ECS, url) else where(pod, CONTAINER)


_WRONG: tuple[Callable[[Pod, SplitResult], str], ...] = (_scheme, _host, _path, _listens)
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
    if problem := _served(pod, path, role_alone_at(pod, urlsplit(f"http://{ECS_HOST}"), ECS)):
        return failed("app-relative-uri", f"{RELATIVE_URI}={path}", problem, fix)
    return passed("app-relative-uri", f"{RELATIVE_URI}={path}", f"The sidecar answers at {ECS_HOST}.")
