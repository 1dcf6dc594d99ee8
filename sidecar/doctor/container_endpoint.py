"""A sidecar whose credentials come from another container endpoint, such as the EKS Pod Identity agent: its checks."""

from sidecar.core import audiences
from sidecar.core.clock import SystemClock
from sidecar.core.errors import ExchangeFailed, SidecarError
from sidecar.core.findings import Finding
from sidecar.core.variables import AUTHORIZATION_FILE
from sidecar.doctor.findings import failed, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.explain.jwt_parts import printable
from sidecar.settings.container_source import is_agent
from sidecar.settings.roles import ContainerSettings
from sidecar.sources.container import container_source
from sidecar.sources.token_file import TokenFile
from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context

INJECTED = (
    "EKS mounts it where the service account had an association when the pod was created: create the association, "
    "then recreate the pod."
)
FIX_AUDIENCE = f"audience: {audiences.POD_IDENTITY} # of the serviceAccountToken in the volume; EKS adds one by itself"


def token_file(pod: Pod) -> Finding:
    """Can the authorization token be read?"""
    path = pod.token_path
    if path is None:
        return skipped("token-file", "none", f"{AUTHORIZATION_FILE} is not set: the endpoint is asked without a file.")
    if pod.token is not None:
        return passed("token-file", f"{path}: {len(pod.token.raw)} characters", "The file can be read.")
    assert pod.trouble is not None
    return failed("token-file", f"{path}, {pod.user}", pod.trouble.cause, f"{pod.trouble.fix}\n{INJECTED}")


def audience(pod: Pod) -> Finding | None:
    """Meant for EKS Pod Identity, where its agent is asked."""
    source, token = pod.container_endpoint, pod.unverified
    if source is None or token is None or not is_agent(source.url):
        return None
    saw = printable(", ".join(token.audiences)) or "missing"
    if audiences.POD_IDENTITY in token.audiences:
        return passed("token-audience", saw, "EKS Pod Identity takes this audience.")
    return failed("token-audience", saw, f"EKS Pod Identity takes only {audiences.POD_IDENTITY}.", FIX_AUDIENCE)


async def answer(pod: Pod) -> Finding | None:
    """What the endpoint answers to the question that `serve` asks."""
    source = pod.container_endpoint
    if source is None:
        return None
    tokens = None if source.token_file is None else TokenFile(source.token_file, AUTHORIZATION_FILE)
    async with sts_session(tls_context(source.ca_bundle)) as http:
        asked = container_source(source, tokens, http, SystemClock())
        try:
            await asked.check()
            found = await asked.obtain()
        except SidecarError as error:
            return failed("endpoint", _saw(source, error), error.cause, error.fix)
    whose = found.role_arn or f"account {found.account_id or 'not told'}"
    return passed("endpoint", f"{source.origin}: {whose}, {found.lifetime:.0f} s left", "It gave credentials.")


def _saw(source: ContainerSettings, error: SidecarError) -> str:
    if not isinstance(error, ExchangeFailed) or error.status is None:
        return f"{source.origin}: {error.code}"
    request = f", request {error.request_id}" if error.request_id else ""
    return f"{source.origin}: {error.status} {error.code}{request}"
