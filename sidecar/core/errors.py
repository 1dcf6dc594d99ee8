"""Everything that can go wrong on the way to a credential, named once, with when trying again could help.

An error says what happened (`cause`) and what to change (`fix`), in our own words: both reach logs, `/readyz`
and, through the SDK that asked, the person at the other end. Neither may hold a secret or STS's raw text.
"""

import enum

TYPE_CHECKING = False  # importing typing would be a tenth of a probe's cost
if TYPE_CHECKING:
    from typing import ClassVar


class Retry(enum.Enum):
    """What could end a failure, and so when the next attempt is worth making."""

    SOON = "soon"
    """Time alone: network, throttling, a server error, a file that is not there yet."""
    NEW_TOKEN = "new-token"  # noqa: S105 (a name, not a secret)
    """A new token, or new credentials of the base role, at once: STS refused these for what they are. Slowly the same
    ones too: the refusal may be wrong."""
    SLOWLY = "slowly"
    """A person: IAM or a setting must change. New IAM entities also take up to a minute to spread."""


class SidecarError(Exception):
    """The root of the tree. `code` is the short name that clients, labels and logs see."""

    retry: "ClassVar[Retry]" = Retry.SOON

    def __init__(self, cause: str, *, fix: str) -> None:
        super().__init__(f"{cause} {fix}")
        self.cause = cause
        self.fix = fix

    @property
    def code(self) -> str:
        return type(self).__name__


# --- the token file --------------------------------------------------------------------------------------------


class TokenUnreadable(SidecarError):
    """No token can be had from the file: missing, unreadable, empty, too long or not text."""


class TokenExpired(SidecarError):
    """The file holds a token whose own `exp` has passed. STS is not asked; looking again costs a file read."""


# --- a chain ---------------------------------------------------------------------------------------------------


class BaseUnavailable(SidecarError):
    """The role whose credentials sign the call has none that are valid. STS is not asked; looking again is free."""


class ClaimMissing(SidecarError):
    """A session tag is to be filled from a claim that the token lacks. STS is not asked."""

    retry = Retry.NEW_TOKEN


# --- the exchange ----------------------------------------------------------------------------------------------


class ExchangeFailed(SidecarError):
    """STS was asked and no credential came back. Carries AWS's own code, status and request id where known.

    `sts_time`: what STS's clock showed, None where STS itself did not answer or did not say. `aws_message`: STS's own
    text without the values that it quotes; for the doctor alone, never logged or served.
    """

    def __init__(
        self,
        cause: str,
        *,
        fix: str,
        aws_code: str = "",
        status: int | None = None,
        request_id: str = "",
        sts_time: float | None = None,
        aws_message: str = "",
    ) -> None:
        super().__init__(cause, fix=fix)
        self.aws_code = aws_code
        self.status = status
        self.request_id = request_id
        self.sts_time = sts_time
        self.aws_message = aws_message


class StsUnreachable(ExchangeFailed):
    """No whole answer arrived: DNS, TCP, TLS, proxy, time-out, or a connection cut half-way."""


class StsUnavailable(ExchangeFailed):
    """STS, or a proxy in front of it, answered with a server error or with something that is not STS's XML."""


class StsThrottled(ExchangeFailed):
    """STS asked for fewer calls."""


class IssuerUnreachable(ExchangeFailed):
    """STS could not fetch the cluster's signing keys, though the token looks good from here."""


class TokenRefused(ExchangeFailed):
    """STS refuses this token for what it is: expired, signed by an unknown key, a claim missing."""

    retry = Retry.NEW_TOKEN


class TrustRefused(ExchangeFailed):
    """IAM does not let this service account have this role: trust policy, provider or audience."""

    retry = Retry.SLOWLY


class BaseRefused(ExchangeFailed):
    """STS refuses the credentials that signed the call: expired, unknown to it, or signed under a wrong clock."""

    retry = Retry.NEW_TOKEN


class ChainRefused(ExchangeFailed):
    """IAM does not let the base role have this role: its own policy, or the other's trust policy."""

    retry = Retry.SLOWLY


class RequestRefused(ExchangeFailed):
    """STS refuses a parameter or the region: a setting of ours must change."""

    retry = Retry.SLOWLY


class WorseCredentials(ExchangeFailed):
    """STS issued a session that ends before the one that is held."""

    retry = Retry.SLOWLY


# --- a container-credentials endpoint ---------------------------------------------------------------------------


class EndpointUnreachable(ExchangeFailed):
    """No whole answer arrived from the endpoint that the credentials are taken from."""


class EndpointUnavailable(ExchangeFailed):
    """It answered with a server error, or with something that cannot be credentials."""


class EndpointThrottled(ExchangeFailed):
    """It asked for fewer calls."""


class AssociationMissing(ExchangeFailed):
    """EKS has no Pod Identity association for the pod's service account."""

    retry = Retry.SLOWLY


class EndpointRefused(ExchangeFailed):
    """It refuses, and neither time nor another token helps: a person must change IAM or a setting."""

    retry = Retry.SLOWLY


# --- of our own ------------------------------------------------------------------------------------------------


class OutOfThreads(SidecarError):
    """No thread can be started for a call that blocks: the pod's limit on processes is used up."""


class Unexpected(SidecarError):
    """A bug in the sidecar, caught so that credentials that are still valid continue to be served."""


# --- serving ---------------------------------------------------------------------------------------------------


class NoCredentials(SidecarError):
    """Nothing valid can be served now. `reason` is the failure behind it, `retry_after` seconds until it may end."""

    def __init__(self, reason: SidecarError | None, *, cause: str, fix: str, retry_after: float) -> None:
        super().__init__(cause, fix=fix)
        self.reason = reason
        self.retry_after = retry_after


class NotAuthorized(SidecarError):
    """The request's Authorization header is missing or wrong."""


class BadTokenLife(SidecarError):
    """An IMDSv2 session token was asked for with no life, or with one that cannot be."""


class HostRefused(SidecarError):
    """The request was sent to another name than ours (DNS rebinding), or through a proxy."""


class NoSuchPath(SidecarError):
    """Nothing is served at this path."""


class MethodRefused(SidecarError):
    """The path exists; the method does not apply to it. `allowed` lists those that do."""

    def __init__(self, cause: str, *, fix: str, allowed: tuple[str, ...]) -> None:
        super().__init__(cause, fix=fix)
        self.allowed = allowed
