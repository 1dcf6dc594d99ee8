"""The application's container: would an SDK there ask the sidecar, and could it?

What SDKs do was measured with forty clients; the rules here are those on which several of them trip.
"""

from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

from sidecar.core.findings import Finding
from sidecar.core.variables import FULL_URI, METADATA_ENDPOINT
from sidecar.doctor.application_way import ECS_HOST, Way, parsed, ways
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod

WEB_IDENTITY = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
STATIC_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY",  # Java v1, Go, Ruby
    "AWS_SECRET_KEY",
    "AMAZON_ACCESS_KEY_ID",  # Ruby
    "AMAZON_SECRET_ACCESS_KEY",
)
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def given(pod: Pod) -> Finding | None:
    if pod.sources:
        return skipped(
            "app-environment",
            f"envFrom: {', '.join(pod.sources)}",
            "Not seen: the variables from there, and those of the image.",
            "kubectl get pod/POD configmap/NAME -o json   # and give both to --pod",
        )
    if pod.app is not None:
        return None
    return skipped(
        "app-environment",
        "no environment of an application",
        "Not checked: whether an SDK in the application's container would use the sidecar.",
        "kubectl get pod POD -o json | kubectl exec -i POD -c irsa-sidecar -- irsa-sidecar doctor --pod -",
    )


def web_identity(pod: Pod) -> Finding | None:
    """The EKS webhook's variables shadow us in botocore, Go, JavaScript v3, Rust, .NET and PHP."""
    if pod.app is None:
        return None
    found = [name for name in WEB_IDENTITY if pod.has(name)]
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
    """One half is enough: some SDKs then fail, and the other half may be in the image."""
    if pod.app is None:
        return None
    found = [name for name in STATIC_KEYS if pod.has(name)]
    if not found:
        return None
    return failed(
        "app-static-keys", f"{', '.join(found)} set", "SDKs use keys before they call an endpoint.", pod.without(*found)
    )


def region(pod: Pod) -> Finding | None:
    """Some SDKs read one variable, some the other. With neither, the region is the application's own affair."""
    if pod.app is None:
        return None
    found = [name for name in REGIONS if pod.has(name)]
    if len(found) == 1:
        (absent,) = {*REGIONS} - {*found}
        message, fix = "SDKs differ in which of the two they read.", f"- name: {absent}\n  value: <as {found[0]}>"
        return missing(pod, "app-region", f"{found[0]} set, {absent} not", message, fix, otherwise=warned)
    if found:
        return passed("app-region", " and ".join(found), "Every SDK finds a region.")
    return skipped("app-region", "no region in env", "Not checked: whether the application's settings name one.")


def proxy(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    names = [name for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy") if pod.has(name)]
    exempt = pod.app.get("no_proxy", pod.app.get("NO_PROXY", ""))
    asked = [host for host in sorted(_hosts(pod)) if not proxy_bypass_environment(host, {"no": exempt})]
    if not names or not asked or {"NO_PROXY", "no_proxy"} & {*pod.hidden}:
        return None
    return warned(
        "app-proxy",
        f"{', '.join(names)} set, {', '.join(asked)} not in NO_PROXY",
        "Some SDKs would send the request for credentials to the proxy.",
        f"- name: NO_PROXY\n  value: {','.join(dict.fromkeys((*asked, '127.0.0.1', 'localhost')))} "
        "# and what is there already",
    )


def _hosts(pod: Pod) -> set[str]:
    """Whom the application's SDK asks for credentials."""
    app = pod.app or {}
    hosts = {
        Way.FULL_URI: _host(app.get(FULL_URI, ""), "127.0.0.1"),
        Way.RELATIVE_URI: ECS_HOST,
        Way.METADATA: _host(app.get(METADATA_ENDPOINT, ""), "169.254.169.254"),
    }
    return {hosts[way] for way in ways(pod) if way in hosts}


def _host(value: str, otherwise: str) -> str:
    url = parsed(value)
    return (url.hostname if url else None) or otherwise
