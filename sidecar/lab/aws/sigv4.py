"""Checks Signature Version 4, header form: was this request signed with credentials that STS issued?

Source: IAM User Guide, "AWS Signature Version 4 for API requests"; the refusals are those that AWS services give.
The query form (presigned URLs) is not supported: such a request has no Authorization header and is refused as unsigned.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from sidecar.lab.aws.answers import StsRefusal
from sidecar.lab.aws.sessions import RoleSession, Sessions

SERVICE = "sts"
CLOCK_TOLERANCE = 300.0
"""Seconds by which the signer's clock may differ."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it arrived. Header names are lower case; a repeated header has several values."""

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class _Claim:
    access_key_id: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def authenticate(request: SignedRequest, sessions: Sessions, now: float, *, region: str) -> RoleSession:
    """The session whose credentials signed the request. Raises StsRefusal with AWS's code and status."""
    claim = _claim(request)
    session = sessions.recognise(claim.access_key_id, request.header("x-amz-security-token"))
    if session is None:
        raise _forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
    _check_scope(claim, region)
    signed_at = _check_date(request, claim, now)
    _check_headers(request, claim)
    expected = signature(
        request, claim.headers, claim.scope, signed_at, sessions.secret_access_key(claim.access_key_id)
    )
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
    if now >= session.expires_at:
        raise _forbidden("ExpiredToken", "The security token included in the request is expired")
    return session


def signature(
    request: SignedRequest, signed_headers: Sequence[str], scope: str, signed_at: str, secret_access_key: str
) -> str:
    """The hex signature of the request under a secret access key."""
    canonical = hashlib.sha256(_canonical(request, signed_headers).encode()).hexdigest()
    key = f"AWS4{secret_access_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, f"{_ALGORITHM}\n{signed_at}\n{scope}\n{canonical}").hex()


def _canonical(request: SignedRequest, signed_headers: Sequence[str]) -> str:
    headers = [f"{name}:{','.join(map(_trimmed, request.headers.get(name, ())))}\n" for name in signed_headers]
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    return "\n".join(
        (
            request.method,
            quote(request.path or "/", safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _claim(request: SignedRequest) -> _Claim:
    authorization = request.header("authorization")
    if not authorization:
        raise _forbidden("MissingAuthenticationToken", "Request is missing Authentication Token")
    algorithm, _, rest = authorization.partition(" ")
    fields = {name: value for name, _, value in (part.strip().partition("=") for part in rest.split(","))}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not fields.get(name)]
    if algorithm != _ALGORITHM or missing:
        missing = missing or ["Credential", "Signature", "SignedHeaders"]
        raise _incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    credential = fields["Credential"].split("/")
    if len(credential) != 5 or credential[4] != "aws4_request":  # noqa: PLR2004 (id and four parts of scope)
        raise _incomplete(f"Credential must have exactly 5 slash-delimited elements, got '{fields['Credential']}'.")
    access_key_id, date, region, service, _ = credential
    headers = tuple(fields["SignedHeaders"].split(";"))
    return _Claim(access_key_id, date, region, service, headers, fields["Signature"])


def _check_scope(claim: _Claim, region: str) -> None:
    if claim.service != SERVICE:
        raise _mismatch(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if claim.region != region:
        raise _mismatch(f"Credential should be scoped to a valid region. Not '{claim.region}': this is {region}.")


def _check_date(request: SignedRequest, claim: _Claim, now: float) -> str:
    signed_at = request.header("x-amz-date")
    try:
        instant = datetime.strptime(signed_at, _FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise _incomplete("Authorization header requires existence of an 'X-Amz-Date' header.") from error
    if not signed_at.startswith(claim.date):
        raise _mismatch(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {signed_at}")
    if instant < now - CLOCK_TOLERANCE:
        raise _mismatch(
            f"Signature expired: {signed_at} is now earlier than {_text(now - CLOCK_TOLERANCE)} ({_text(now)} - 5 min.)"
        )
    if instant > now + CLOCK_TOLERANCE:
        raise _mismatch(
            f"Signature not yet current: {signed_at} is still later than {_text(now + CLOCK_TOLERANCE)} "
            f"({_text(now)} + 5 min.)"
        )
    return signed_at


def _check_headers(request: SignedRequest, claim: _Claim) -> None:
    """Host and every x-amz- header must be signed, or a proxy could change them unnoticed."""
    required = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    unsigned = sorted(required - set(claim.headers))
    if unsigned:
        raise _mismatch(f"'{unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization.")


def _trimmed(value: str) -> str:
    return " ".join(value.split())


def _text(instant: float) -> str:
    return datetime.fromtimestamp(int(instant), UTC).strftime(_FORMAT)


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def _forbidden(code: str, message: str) -> StsRefusal:
    return StsRefusal(code, message, status=403)


def _incomplete(message: str) -> StsRefusal:
    return StsRefusal("IncompleteSignature", message)


def _mismatch(message: str) -> StsRefusal:
    return _forbidden("SignatureDoesNotMatch", message)
