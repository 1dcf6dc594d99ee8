"""The application's container: would an SDK there ask the sidecar, and could it?

What SDKs do was measured with forty clients; the rules here are those on which several of them trip.
"""

from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

from sidecar.core.findings import Finding
from sidecar.core.variables import FULL_URI, METADATA_DISABLED, RELATIVE_URI
from sidecar.doctor.findings import failed, passed, skipped, warned
from sidecar.doctor.pod import Pod

WEB_IDENTITY = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
STATIC_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")


def given(pod: Pod) -> Finding | None:
    if pod.app is not None:
        return None
    return skipped(
        "app-environment",
        "no environment of an application",
        "Not checked: whether an SDK in the application's container would use the sidecar.",
        "kubectl exec POD -c APP -- env | kubectl exec -i POD -c irsa-sidecar -- irsa-sidecar doctor --app-env -",
    )


def relative_uri(pod: Pod) -> Finding | None:
    if pod.app is None or RELATIVE_URI not in pod.app:
        return None
    return failed(
        "app-relative-uri",
        f"{RELATIVE_URI} is set",
        "Most SDKs (Python, JavaScript, Java, C++, Rust, Ruby, PHP) prefer it, and call 169.254.170.2 instead.",
        f"Remove {RELATIVE_URI} from the container's env.",
    )


def web_identity(pod: Pod) -> Finding | None:
    """The EKS webhook's variables shadow us in botocore, Go, JavaScript v3, Rust, .NET and PHP."""
    if pod.app is None:
        return None
    found = [name for name in WEB_IDENTITY if pod.app.get(name)]
    if not found:
        return passed("app-web-identity", "no web identity variables", "No variable takes precedence over the sidecar.")
    level = failed if len(found) == len(WEB_IDENTITY) or WEB_IDENTITY[0] in found else warned
    return level(
        "app-web-identity",
        f"{' and '.join(found)} set",
        "Most SDKs then exchange the token themselves and never call the sidecar.",
        "metadata:\n  annotations:\n    eks.amazonaws.com/skip-containers: <the application's containers, no spaces>\n"
        "# or remove the eks.amazonaws.com/role-arn annotation from the service account, and recreate the pod",
    )


def static_keys(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    found = [name for name in STATIC_KEYS if pod.app.get(name)]
    if not found:
        return None
    return failed(
        "app-static-keys",
        f"{', '.join(found)} set",
        "SDKs use keys and profiles before they call an endpoint.",
        f"Remove {', '.join(found)} from the container's env.",
    )


def metadata_service(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    value = pod.app.get(METADATA_DISABLED, "")
    if value.lower() == "true":
        return passed("app-imds", f"{METADATA_DISABLED}=true", "No SDK falls back to the node's role.")
    return warned(
        "app-imds",
        f"{METADATA_DISABLED} is not true",
        "If the sidecar is missing, SDKs may use the node's role instead.",
        f'- name: {METADATA_DISABLED}\n  value: "true"',
    )


def proxy(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    names = [name for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy") if pod.app.get(name)]
    host = urlsplit(pod.app.get(FULL_URI, "")).hostname or "127.0.0.1"
    exempt = pod.app.get("no_proxy", pod.app.get("NO_PROXY", ""))
    if not names or proxy_bypass_environment(host, {"no": exempt}):
        return None
    return warned(
        "app-proxy",
        f"{', '.join(names)} set, {host} not in NO_PROXY",
        "Some SDKs would send the request for credentials to the proxy.",
        "- name: NO_PROXY\n  value: 127.0.0.1,localhost # and what is there already",
    )
