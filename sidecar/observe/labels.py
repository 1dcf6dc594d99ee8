"""The labels' values: closed sets, so that neither a client nor whoever answers in STS's place can make a series."""

from collections.abc import Collection, Iterable, Sequence

from sidecar.core.errors import (
    AssociationMissing,
    BaseUnavailable,
    ClaimMissing,
    EndpointRefused,
    EndpointThrottled,
    EndpointUnavailable,
    EndpointUnreachable,
    ExchangeFailed,
    SidecarError,
    StsThrottled,
    StsUnavailable,
    StsUnreachable,
    TokenExpired,
    TokenRefused,
    TokenUnreadable,
    Unexpected,
)
from sidecar.faces import registry
from sidecar.observe.sdk_family import MAJORS, NONE, UNKNOWN
from sidecar.sts.chain_wordings import CHAINED
from sidecar.sts.wording import Wording
from sidecar.sts.wordings import WORDINGS


def _codes(own: Iterable[type[SidecarError]], aws: Sequence[Wording] = ()) -> tuple[str, ...]:
    """Our names for failures where STS gave no code: it was not reached, not asked, or something else answered. And
    AWS's codes that we have words for.
    """
    named = {kind.__name__ for kind in own} | {code for wording in aws for code in wording.aws_codes}
    return (*sorted(named), OTHER)


OUTCOMES = ISSUED, FAILED = ("issued", "failed")
OTHER = "other"
NO_CODE = ""
"""Of an attempt that succeeded. To Prometheus an empty label is one that is not there."""
FAILURE_CODES = _codes(
    (StsThrottled, StsUnavailable, StsUnreachable, TokenExpired, TokenUnreadable, Unexpected), WORDINGS
)
"""Of a role whose token is traded. Each code is a series of each such role."""
CHAIN_CODES = _codes((BaseUnavailable, ClaimMissing, StsThrottled, StsUnavailable, StsUnreachable, Unexpected), CHAINED)
"""Of a role that is assumed with another's credentials."""
ENDPOINT_CODES = _codes(
    (
        *(AssociationMissing, EndpointRefused, EndpointThrottled, EndpointUnavailable, EndpointUnreachable),
        *(TokenExpired, TokenRefused, TokenUnreadable, Unexpected),
    )
)
"""Of a role whose credentials come from a container endpoint."""
FACE_NAMES = tuple(face.name for face in registry.FACES)
CLIENT_FACES = tuple(protocol for face in registry.FACES for protocol in face.protocols)
FILE = "file"
WAYS = {f"face_{way.replace('-', '_')}": way for way in (*CLIENT_FACES, FILE)}
"""Labels of the configuration: whether each way to the credentials is on."""
STATUSES = (
    *("200", "400", "401", "403", "404", "405", "408", "413", "414", "417", "431"),
    *("500", "501", "503", "505"),
)
WRITE_OUTCOMES = WRITTEN, NOT_WRITTEN = ("written", "failed")
ENDPOINTS = ("regional", "fips", "dualstack", "fips-dualstack", "custom")
SWITCH = ON, OFF = ("on", "off")
SDKS = (*sorted(MAJORS), NONE, UNKNOWN)

MOST_CODES = 4
"""Codes of failures with a histogram of their own in one process, the first that it meets; a pod seldom meets two."""
MOST_CLIENTS = 16
"""Clients (face, family, major version) with a series of their own in one process, the first that it meets."""


def code_label(error: SidecarError, codes: Collection[str]) -> str:
    """AWS's code, or our own name where STS gave none: if it is one of `codes`, else `other`."""
    code = (error.aws_code if isinstance(error, ExchangeFailed) else "") or error.code
    return code if code in codes else OTHER
