"""Verifies a token before any role is considered: shape, claims, the issuer's keys, signature, time.

The keys come over HTTP from the issuer, as AWS fetches them. AWS's conditions are documented (IAM User Guide, "Create
an OpenID Connect identity provider"); the five members that discovery must have, and the five seconds, were observed
by users. Messages that are not published anywhere are this lab's own; a comment says so.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt

from sidecar.lab.aws.answers import StsRefusal, invalid_token

ACCEPTED_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What STS accepts (AWS STS API reference, WebIdentityToken)."""
DISCOVERY_MEMBERS = (
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)
REQUIRED_CLAIMS = ("iss", "sub", "aud", "iat", "exp")
ISSUER_ANSWERS_WITHIN = 5.0
"""Seconds within which an issuer must answer (AWS knowledge center, sts-invalididentitytoken)."""
MAXIMUM_TOKEN_AGE = 86400.0
"""Seconds after `iat`. AWS refuses a token of five days as too old; that the limit is one day is inference."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """A decoded token whose signature is not yet verified."""

    raw: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.claims["iss"])

    @property
    def audiences(self) -> tuple[str, ...]:
        found = self.claims["aud"]
        return tuple(found) if isinstance(found, list) else (found,)


def no_key(why: str) -> StsRefusal:
    return invalid_token(_NO_KEY, why=why)


def take_apart(token: str) -> DecodedToken:
    """Raises StsRefusal for anything but a JWT of an accepted algorithm with all required claims.

    Strict on purpose: a trailing newline, which botocore sends if the file has one, is refused. What AWS does with it
    is unknown.
    """
    if not _COMPACT.fullmatch(token):
        raise invalid_token(_NOT_A_JWT, why="It is not three base64url parts separated by dots.")
    try:
        complete = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError) as error:
        raise invalid_token(_NOT_A_JWT, why=str(error)) from error
    header, claims = complete["header"], complete["payload"]
    if header.get("alg") not in ACCEPTED_ALGORITHMS:
        raise invalid_token(
            _NOT_A_JWT, why=f"alg is {header.get('alg')!r}; STS accepts {', '.join(ACCEPTED_ALGORITHMS)}."
        )
    for name in REQUIRED_CLAIMS:
        if claims.get(name) in (None, "", []):
            raise invalid_token(f"Missing a required claim: {name}")
    _check_types(claims)
    return DecodedToken(token, header, claims)


def _check_types(claims: Mapping[str, Any]) -> None:
    for name in ("iat", "exp", "nbf"):
        if name in claims and not _is_long(claims[name]):
            raise invalid_token(_NOT_A_JWT, why=f"{name} is not a whole number of at most 64 bits.")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    parties = [("azp", claims["azp"])] if claims.get("azp") is not None else []
    texts = (("iss", claims["iss"]), ("sub", claims["sub"]), *parties, *(("aud", item) for item in audiences))
    for name, value in texts:
        if not isinstance(value, str) or not value:
            raise invalid_token(_NOT_A_JWT, why=f"{name} is not text.")


def _is_long(value: Any) -> bool:
    return type(value) is int and abs(value) < 1 << 63


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raises StsRefusal. The lab grants no leeway: AWS's is not known, and one real refusal came 198 s past `exp`."""
    at = int(now)
    if now >= claims["exp"]:
        raise StsRefusal(
            "ExpiredTokenException",
            f"Token expired: current date/time {at} must be before the expiration date/time {claims['exp']}",
        )
    for name in ("nbf", "iat"):
        if claims.get(name, 0) > now:  # AWS's wording is not known
            raise invalid_token(f"Token is not valid yet: {name} {claims[name]} is after the current date/time {at}")
    if now - claims["iat"] > MAXIMUM_TOKEN_AGE:
        raise StsRefusal("ExpiredTokenException", f"Token too old: {int(now - claims['iat'])}")


def check_signature(token: DecodedToken, key: Mapping[str, Any]) -> None:
    """Raises StsRefusal if the key did not sign the token, or is not of the kind that the header's `alg` needs."""
    algorithm = token.header["alg"]
    try:
        if key.get("alg", algorithm) != algorithm:
            raise jwt.InvalidKeyError(f"the key is for {key['alg']}, the token says {algorithm}")
        verifying = jwt.PyJWK(dict(key), algorithm)
        jwt.api_jws.decode(token.raw, verifying, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError) as error:  # AWS's wording is not known
        raise invalid_token("The signature of the ID Token is not valid", why=str(error)) from error


class IssuerKeys:
    """Discovery documents and keys of issuers, fetched when needed and cached for `keep` seconds.

    An unknown `kid` causes a new fetch, so that a correctly rotated key is never missed.
    """

    def __init__(self, http: aiohttp.ClientSession, *, keep: float = 2.0) -> None:
        self._http = http
        self._keep = keep
        self._kept: dict[str, tuple[float, list[Mapping[str, Any]]]] = {}

    async def find(self, issuer: str, kid: str) -> Mapping[str, Any]:
        """The published key of that id. Raises StsRefusal if it cannot be fetched or is not published."""
        fetched_at, keys = self._kept.get(issuer, (float("-inf"), []))
        found = _by_id(keys, kid) if time.monotonic() - fetched_at < self._keep else None
        if found is None:
            keys = await self._fetch(issuer)
            self._kept[issuer] = time.monotonic(), keys
            found = _by_id(keys, kid)
        if found is None:
            known = ", ".join(str(key.get("kid")) for key in keys) or "none"
            raise no_key(f"The issuer publishes no key {kid!r}; published: {known}.")
        return found

    async def _fetch(self, issuer: str) -> list[Mapping[str, Any]]:
        document = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        missing = [name for name in DISCOVERY_MEMBERS if not document.get(name)]
        if missing:
            raise no_key(f"The discovery document lacks {', '.join(missing)}.")
        if str(document["issuer"]).rstrip("/") != issuer.rstrip("/"):  # AWS was seen to ignore a trailing slash
            raise no_key(f"The discovery document is for {document['issuer']!r}, but the token is from {issuer!r}.")
        keys = (await self._get(str(document["jwks_uri"]))).get("keys")
        if not isinstance(keys, list):
            raise no_key("The JWKS document contains no list of keys.")
        return [key for key in keys if isinstance(key, dict)]

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with self._http.get(url, timeout=aiohttp.ClientTimeout(total=ISSUER_ANSWERS_WITHIN)) as answer:
                answer.raise_for_status()
                document = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise no_key(f"GET {url}: {type(error).__name__} {error}.") from error
        if not isinstance(document, dict):
            raise no_key(f"GET {url}: not a JSON object.")
        return document


def _by_id(keys: list[Mapping[str, Any]], kid: str) -> Mapping[str, Any] | None:
    """Before Kubernetes 1.16 tokens named no key; for them the key was published once more with an empty id."""
    return next((key for key in keys if key.get("kid", "") == kid), None)
