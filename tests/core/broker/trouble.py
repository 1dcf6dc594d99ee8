"""What can go wrong with an exchange, one of each kind."""

from sidecar.core.errors import (
    IssuerUnreachable,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    StsUnreachable,
    TokenRefused,
    TrustRefused,
)
from tests.doubles import TOKEN_CANARY

UNREACHABLE = StsUnreachable("No connection.", fix="Check the network.")
EXPIRED = TokenRefused("STS says the token has expired.", fix="Wait.")
NOT_TRUSTED = TrustRefused("The role does not trust.", fix="Change the policy.")

ALL_FAILURES: list[Exception] = [
    UNREACHABLE,
    EXPIRED,
    NOT_TRUSTED,
    StsUnavailable("500.", fix="Wait."),
    StsThrottled("Rate.", fix="Wait."),
    IssuerUnreachable("No keys.", fix="Publish them."),
    RequestRefused("Duration.", fix="Change it."),
    ValueError(TOKEN_CANARY),
    RecursionError(TOKEN_CANARY),
    ExceptionGroup(TOKEN_CANARY, [KeyError(TOKEN_CANARY)]),
]


def named(error: Exception) -> str:
    return type(error).__name__
