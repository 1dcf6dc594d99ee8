"""Why a container-credentials endpoint gives no credentials: its answer in, one of our errors out, with cause and fix.

What EKS says through the Pod Identity agent: EKS Auth API reference, AssumeRoleForPodIdentity; what the agent says
itself: its source, `internal/validation` and `pkg/errors`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from sidecar.core import audiences
from sidecar.core.claims import NO_CLAIMS, Claims
from sidecar.core.errors import (
    AssociationMissing,
    EndpointRefused,
    EndpointThrottled,
    EndpointUnavailable,
    EndpointUnreachable,
    ExchangeFailed,
    TokenRefused,
)
from sidecar.core.model import UnixTime
from sidecar.core.variables import AUTHORIZATION_FILE, FULL_URI
from sidecar.settings.container_source import is_agent
from sidecar.settings.roles import ContainerSettings
from sidecar.sources.container_answer import EndpointRefusal, refusal_in
from sidecar.sts.answer import Answer
from sidecar.sts.plausibility import Answerer
from sidecar.sts.transport_failures import FailedStep, TransportFailure
from sidecar.sts.wording import FIX_TEMPORARY, to_paste

AGENT_RATE = 1000
"""Requests a second that the agent answers, of the whole node."""
FIX_AGENT = (
    "Check that the add-on eks-pod-identity-agent runs on this node (`kubectl -n kube-system get pods -l "
    "app.kubernetes.io/name=eks-pod-identity-agent -o wide`; Fargate has none), and that network policies let the pod "
    "reach 169.254.170.23, port 80."
)
FIX_ENDPOINT = f"Check {FULL_URI}, and that what serves it runs."
FIX_ENDPOINT_ANSWER = f"If this continues, check what answers at {FULL_URI}, and its clock and the node's."
FIX_AUDIENCE = f"The token's volume must ask for the audience {audiences.POD_IDENTITY}; EKS adds such a volume itself."


@dataclass(frozen=True, slots=True)
class AskedEndpoint:
    """Who is asked. `url` may hold more than may be shown."""

    url: str

    @property
    def is_agent(self) -> bool:
        """Is it the EKS Pod Identity agent, by its address?"""
        return is_agent(self.url)

    @property
    def origin(self) -> str:
        """The URL as it is shown."""
        return ContainerSettings(url=self.url).origin

    @property
    def name(self) -> str:
        return f"The {'EKS Pod Identity agent' if self.is_agent else 'credentials endpoint'} at {self.origin}"

    @property
    def answerer(self) -> Answerer:
        return Answerer(self.name, EndpointUnavailable, FIX_ENDPOINT_ANSWER)


def unreachable(endpoint: AskedEndpoint, failure: TransportFailure) -> EndpointUnreachable:
    """No answer arrived."""
    ours = failure.step is FailedStep.CONNECTION
    fix = (FIX_AGENT if endpoint.is_agent else FIX_ENDPOINT) if ours else failure.fix
    why = failure.cause.removeprefix(f"{endpoint.origin}: ")
    return EndpointUnreachable(f"{endpoint.name} cannot be reached: {why}", fix=fix)


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """What is known of a request that was refused. `claims`: those of the token that was sent, if it has any."""

    endpoint: AskedEndpoint
    answer: Answer
    refusal: EndpointRefusal
    claims: Claims
    had_token: bool
    now: UnixTime

    def error(self, kind: type[ExchangeFailed], cause: str, fix: str) -> ExchangeFailed:
        return kind(
            cause,
            fix=fix,
            status=self.answer.status,
            request_id=self.refusal.request_id,
            sts_time=self.answer.date,
        )


def failure_of(answer: Answer, endpoint: AskedEndpoint, *, claims: Claims | None, now: UnixTime) -> ExchangeFailed:
    """Name what a non-200 answer means. `claims`: None where no token was sent; `now`: the endpoint's clock."""
    request = RefusedAnswer(endpoint, answer, refusal_in(answer), claims or NO_CLAIMS, claims is not None, now)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or "Throttl" in request.refusal.code:
        return _throttled(request)
    if not HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unavailable(request)
    return BY_CODE.get(request.refusal.code, _refused)(request)


def _throttled(request: RefusedAnswer) -> ExchangeFailed:
    why, fix = "", "The sidecar spreads its retries."
    if request.endpoint.is_agent:
        why = f"; it answers {AGENT_RATE} requests a second, of all pods on the node together"
        fix = f"{fix} Look for a program on this node that asks the agent on each call."
    return request.error(EndpointThrottled, f"{request.endpoint.name} asks for fewer requests{why}.", fix)


def _unavailable(request: RefusedAnswer) -> ExchangeFailed:
    cause = f"{request.endpoint.name} answered {request.answer.status}."
    return request.error(EndpointUnavailable, cause, FIX_TEMPORARY)


def _no_association(request: RefusedAnswer) -> ExchangeFailed:
    namespace, account = request.claims.namespace, request.claims.service_account
    who = f"{namespace}/{account}" if namespace and account else "of this pod"
    return request.error(
        AssociationMissing,
        f"EKS has no Pod Identity association for the service account {who}.",
        "Create it, and wait some seconds: `aws eks create-pod-identity-association --cluster-name <cluster> "
        f"--namespace {to_paste(namespace, '<namespace>')} --service-account {to_paste(account, '<service account>')} "
        "--role-arn <role>`.",
    )


def _access_denied(request: RefusedAnswer) -> ExchangeFailed:
    return request.error(
        EndpointRefused,
        "EKS denies the role of the Pod Identity association.",
        f"The role's trust policy must let the service {audiences.POD_IDENTITY} call sts:AssumeRole and "
        "sts:TagSession, and the node's role must be allowed eks-auth:AssumeRoleForPodIdentity.",
    )


def _token_expired(request: RefusedAnswer) -> ExchangeFailed:
    return request.error(
        TokenRefused,
        f"{request.endpoint.name} says that the token has expired.",
        "The sidecar waits for the kubelet's next token. If none comes, check the kubelet and the node's clock, and "
        "mount the volume without subPath: such a mount never receives a rotated token.",
    )


def _token_refused(request: RefusedAnswer) -> ExchangeFailed:
    """Why, as far as the token itself shows it."""
    if not request.had_token:
        return request.error(
            EndpointRefused,
            f"{request.endpoint.name} requires an authorization token, and none is configured.",
            f"Set {AUTHORIZATION_FILE} to the file that holds it.",
        )
    if request.claims.expires_at <= request.now:
        return _token_expired(request)
    if request.endpoint.is_agent and audiences.POD_IDENTITY not in request.claims.audiences:
        has = ", ".join(request.claims.audiences) or "none"
        cause = f"The token's audience is not {audiences.POD_IDENTITY} but {has}: Pod Identity does not take it."
        return request.error(TokenRefused, cause, FIX_AUDIENCE)
    return request.error(
        TokenRefused,
        f"{request.endpoint.name} refuses the token ({request.answer.status}).",
        f"{AUTHORIZATION_FILE} must name the token that this endpoint expects; the sidecar reads it at each call.",
    )


def _refused(request: RefusedAnswer) -> ExchangeFailed:
    """A refusal without a code that we know: by its status and by what the agent says itself."""
    if "invalid address" in request.refusal.message:
        return request.error(
            EndpointRefused,
            f"{request.endpoint.name} answers only to its own address.",
            f"Set {FULL_URI} to http://169.254.170.23/v1/credentials, in a cluster of IPv6 to "
            "http://[fd00:ec2::23]/v1/credentials.",
        )
    if _is_about_the_token(request):
        return _token_refused(request)
    where = "nothing at this path" if request.answer.status == HTTPStatus.NOT_FOUND else "no credentials for us"
    return request.error(
        EndpointRefused, f"{request.endpoint.name} has {where} ({request.answer.status}).", FIX_ENDPOINT
    )


def _is_about_the_token(request: RefusedAnswer) -> bool:
    if request.answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return True
    return request.answer.status == HTTPStatus.BAD_REQUEST and "token" in request.refusal.message.casefold()


BY_CODE: dict[str, Callable[[RefusedAnswer], ExchangeFailed]] = {
    "ResourceNotFoundException": _no_association,
    "AccessDeniedException": _access_denied,
    "ExpiredTokenException": _token_expired,
    "InvalidTokenException": _token_refused,
    "InvalidParameterException": _token_refused,
    "InvalidRequestException": _token_refused,
}
"""By the code of EKS Auth's."""
