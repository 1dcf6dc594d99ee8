"""The labels' values: closed sets, so that neither a client nor whoever answers in STS's place can make a series."""

from sidecar.core.errors import (
    AssociationMissing,
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
from sidecar.sts.wordings import KNOWN_CODES

OUTCOMES = ISSUED, FAILED = ("issued", "failed")
OTHER = "other"
OWN_CODES = frozenset(
    kind.__name__ for kind in (StsThrottled, StsUnavailable, StsUnreachable, TokenExpired, TokenUnreadable, Unexpected)
)
"""Our names for failures where STS gave no code: it was not reached, not asked, or something else answered."""
NO_CODE = ""
"""Of an attempt that succeeded. To Prometheus an empty label is one that is not there."""
UNCOUNTED_CODES = frozenset(
    {"IncompleteSignature", "InvalidClientTokenId", "MissingAuthenticationToken", "SignatureDoesNotMatch"}
)
"""Known, and `other` all the same: only a chain meets them, and each code is a series. The log names them."""
FAILURE_CODES = (*sorted((KNOWN_CODES - UNCOUNTED_CODES) | OWN_CODES), OTHER)
ENDPOINT_CODES = (
    *sorted(
        kind.__name__
        for kind in (
            *(AssociationMissing, EndpointRefused, EndpointThrottled, EndpointUnavailable, EndpointUnreachable),
            *(TokenExpired, TokenRefused, TokenUnreadable, Unexpected),
        )
    ),
    OTHER,
)
"""The same of a role whose credentials come from a container endpoint."""
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


def code_label(error: SidecarError) -> str:
    """AWS's code where it is one we know, our own name where STS gave none, `other` for all the rest."""
    code = (error.aws_code if isinstance(error, ExchangeFailed) else "") or error.code
    return code if code in FAILURE_CODES or code in ENDPOINT_CODES else OTHER
