"""EC2's instance metadata (IMDS) as the application sees it: the sidecar's, the node's, or none."""

from collections.abc import Callable

from sidecar.core.findings import Finding
from sidecar.core.variables import METADATA_DISABLED, METADATA_ENDPOINT
from sidecar.doctor.application_way import (
    Way,
    addresses,
    leads_to,
    parsed,
    serves_metadata_address,
    tcp,
    ways,
    where,
    without_password,
)
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import IMDS

CHECK = "app-imds"


def metadata(pod: Pod) -> Finding | None:
    """Where IMDS is the way to the credentials, it must lead to the sidecar; else it must lead nowhere."""
    if pod.app is None:
        return None
    if Way.METADATA not in ways(pod):
        return _node(pod)
    if METADATA_ENDPOINT in pod.hidden:
        return skipped(CHECK, f"{METADATA_ENDPOINT} from {pod.hidden[METADATA_ENDPOINT]}", "Not checked.")
    found = (wrong(pod) for wrong in _WRONG)
    return next(filter(None, found), None) or passed(CHECK, _saw(pod), "IMDS is the sidecar's.")


def _saw(pod: Pod) -> str:
    url = parsed((pod.app or {}).get(METADATA_ENDPOINT, ""))
    return f"{METADATA_ENDPOINT}={without_password(url)}{url.path}" if url else "IMDS at its own address"


def _disabled(pod: Pod) -> Finding | None:
    value = (pod.app or {}).get(METADATA_DISABLED, "")
    if not value:
        return None
    level = failed if value.lower() == "true" and ways(pod) == {Way.METADATA} else warned
    who = "SDKs then do" if value.lower() == "true" else "JavaScript v2 takes any value for a yes, and does"
    return level(
        CHECK, f"{METADATA_DISABLED} is set", f"{who} not call the sidecar's IMDS.", pod.without(METADATA_DISABLED)
    )


def _absent(pod: Pod) -> Finding | None:
    if (pod.app or {}).get(METADATA_ENDPOINT) or serves_metadata_address(pod):
        return None
    return missing(pod, CHECK, f"{METADATA_ENDPOINT} is missing", "No SDK will use the sidecar.", set_endpoint(pod))


def _elsewhere(pod: Pod) -> Finding | None:
    endpoint = (pod.app or {}).get(METADATA_ENDPOINT)
    if not endpoint or pod.config is None:
        return None
    url = parsed(endpoint)
    if url is None or url.scheme != "http":
        return failed(CHECK, f"{METADATA_ENDPOINT} is not an http URL", "No SDK will use it.", set_endpoint(pod))
    if not leads_to(pod, IMDS, url):
        return failed(CHECK, f"{METADATA_ENDPOINT}={without_password(url)}", where(pod, IMDS), set_endpoint(pod))
    return None


def _slash(pod: Pod) -> Finding | None:
    endpoint = (pod.app or {}).get(METADATA_ENDPOINT, "")
    if not endpoint or endpoint.endswith("/"):
        return None
    return warned(CHECK, _saw(pod), "botocore 1.19 to 1.23 needs the slash at the end.", _variable(f"{endpoint}/"))


_WRONG: tuple[Callable[[Pod], Finding | None], ...] = (_absent, _disabled, _elsewhere, _slash)


def set_endpoint(pod: Pod) -> str:
    """What to put where."""
    found = tcp(addresses(pod, IMDS))
    variable = _variable(f"http://{found[0] if found else '127.0.0.1:9913'}/")
    return variable if found else f"{variable}\n# and for the sidecar: SIDECAR_IMDS_LISTEN=127.0.0.1:9913"


def _variable(endpoint: str) -> str:
    return f"- name: {METADATA_ENDPOINT}\n  value: {endpoint}"


def _node(pod: Pod) -> Finding:
    value = (pod.app or {}).get(METADATA_DISABLED, "")
    if value.lower() == "true":
        return passed(CHECK, f"{METADATA_DISABLED}=true", "No SDK falls back to the node's role.")
    if serves_metadata_address(pod):
        return passed(CHECK, "IMDS at its own address", "It is the sidecar's: no SDK falls back to the node's role.")
    if METADATA_DISABLED in pod.hidden:
        return skipped(CHECK, f"{METADATA_DISABLED} from {pod.hidden[METADATA_DISABLED]}", "Not checked: whether true.")
    return missing(
        pod,
        CHECK,
        f"{METADATA_DISABLED} is not true",
        "If the sidecar is missing, SDKs may use the node's role instead.",
        f'- name: {METADATA_DISABLED}\n  value: "true"',
        otherwise=warned,
    )
