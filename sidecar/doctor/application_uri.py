"""Checks the URI that the application's SDK is given: every SDK accepts it, and it leads to the sidecar."""

from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from sidecar.core.findings import Finding
from sidecar.core.variables import FULL_URI
from sidecar.doctor.findings import failed, passed, warned
from sidecar.doctor.pod import Pod
from sidecar.faces.container import PATHS
from sidecar.faces.paths import canonical
from sidecar.faces.registry import CONTAINER
from sidecar.http.addresses import LOOPBACK_NAMES, WILDCARDS, TcpAddress, canonical_host, is_private

SET_FULL_URI = f"- name: {FULL_URI}\n  value: http://127.0.0.1:9911/v1/credentials"


def full_uri(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    url = _parsed(pod.app.get(FULL_URI, ""))
    if url is None:
        return failed("app-uri", f"{FULL_URI} is missing or not a URL", "No SDK will use the sidecar.", SET_FULL_URI)
    saw = f"{FULL_URI}={url.scheme}://{url.hostname}:{url.port or 80}{url.path}"
    for wrong in _WRONG:
        if problem := wrong(pod, url):
            return failed("app-uri", saw, problem, SET_FULL_URI)
    if url.hostname != "127.0.0.1":
        return warned("app-uri", saw, "Older SDKs accept only the literal 127.0.0.1.", SET_FULL_URI)
    if not url.path:
        return warned("app-uri", saw, "The path is missing, and not every client adds the slash.", SET_FULL_URI)
    return passed("app-uri", saw, "An address that every SDK accepts.")


def _parsed(value: str) -> SplitResult | None:
    try:
        url = urlsplit(value)
        usable = bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if usable else None


def _scheme(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001 (all of these are asked alike)
    return "" if url.scheme == "http" else "The sidecar serves plain http only."


def _host(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001
    if is_private(url.hostname or ""):
        return ""
    return "SDKs refuse plain http to an address that is not loopback, some of them without an error."


def _path(pod: Pod, url: SplitResult) -> str:  # noqa: ARG001
    if url.query:
        return "Some clients drop the query string; put everything into the path."
    return "" if canonical(url.path) in PATHS else f"The sidecar serves {' and '.join(PATHS)}."


def _listens(pod: Pod, url: SplitResult) -> str:
    if pod.config is None or pod.app is pod.environ:
        return ""
    found = [address for address in pod.config.listen[CONTAINER] if isinstance(address, TcpAddress)]
    if any(address.port == (url.port or 80) and _same_host(address.host, url.hostname or "") for address in found):
        return ""
    return f"The sidecar listens on {', '.join(map(str, pod.config.listen[CONTAINER]))} (SIDECAR_LISTEN)."


_WRONG: tuple[Callable[[Pod, SplitResult], str], ...] = (_scheme, _host, _path, _listens)
"""What no SDK could work with: each says what, or "" if it finds nothing."""


def _same_host(listened: str, asked: str) -> bool:
    """Whether a connection gets there. `localhost` is both families; an address is only itself."""
    both = {listened, canonical_host(asked)}
    return len(both) == 1 or listened in WILDCARDS or ("localhost" in both and both <= LOOPBACK_NAMES)
