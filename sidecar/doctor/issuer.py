"""The issuer's discovery document and keys, as STS needs them: public, complete, quick, and holding the token's key.

STS asks from AWS's network and we from the pod's: what cannot be reached from here may be reached from there.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sidecar.core.findings import Finding
from sidecar.core.issuers import unreachable
from sidecar.core.model import Seconds
from sidecar.doctor.fetching import Fetched, get, why
from sidecar.doctor.findings import failed, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.doctor.timeouts import ISSUER_TIMEOUT, of_second_step
from sidecar.explain.jwt_parts import UnverifiedToken, shown
from sidecar.explain.token_mistakes import is_of_the_lab
from sidecar.sts.endpoints import is_of_aws, proxy_for
from sidecar.sts.route import Route

MEMBERS = (
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)
"""What AWS needs in a discovery document; without any of them it cannot retrieve the key (as people found)."""
OK = 200
DISCOVERY = "issuer-discovery"
KEYS = "issuer-keys"

UNREACHABLE = "Not reachable from here. STS calls it from its own network: for AWS's, it must be public."
TRY = "From outside: curl -sS -m 5 {url}"


class DocumentUnavailable(Exception):
    """No document, with the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


async def issuer(pod: Pod, http: aiohttp.ClientSession) -> list[Finding]:
    """Discovery, then keys."""
    token = pod.unverified
    if token is None or not token.issuer:
        return [skipped(DISCOVERY, "no issuer", "Not checked: the token names no issuer.")]
    if clause := _out_of_reach(pod, token, token.issuer):
        return [_never_reached(DISCOVERY, token.issuer, clause)]
    try:
        document, found = await _document(
            pod, http, DISCOVERY, f"{token.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        findings = [_discovery(document, token, found)]
        uri = document.get("jwks_uri")
        if not uri:
            return findings
        if clause := _out_of_reach(pod, token, str(uri)):
            return [*findings, _never_reached(KEYS, str(uri), clause)]
        keys, found = await _document(pod, http, KEYS, uri, after=found.seconds)
        return [*findings, _keys(keys, token, found, uri)]
    except DocumentUnavailable as unavailable:
        done = [] if unavailable.finding.code == DISCOVERY else findings
        return [*done, unavailable.finding]


def _out_of_reach(pod: Pod, token: UnverifiedToken, url: str) -> str:
    """Why AWS can never fetch it, as a clause; for the lab's own issuer, or another STS than AWS's, why none can."""
    if is_of_the_lab(token) or not _asks_aws(pod):
        return "" if urlsplit(url).scheme in {"https", "http"} else "it is not a URL"
    return unreachable(url)


def _asks_aws(pod: Pod) -> bool:
    """Also where settings do not tell: AWS's STS is the default."""
    return pod.config is None or is_of_aws(pod.config.sts_endpoint)


def _never_reached(check: str, url: str, clause: str) -> Finding:
    return failed(
        check,
        shown(url),
        f"STS cannot fetch it: {clause}. It says `Couldn't retrieve verification key`.",
        "Publish discovery document and keys under a public https:// address; set --service-account-issuer and "
        "--service-account-jwks-uri of the API server to it.",
    )


async def _document(
    pod: Pod, http: aiohttp.ClientSession, check: str, url: str, after: Seconds = 0
) -> tuple[dict[str, Any], Fetched]:
    fix, within = TRY.format(url=shown(url)), of_second_step(after, ISSUER_TIMEOUT)
    try:
        found = await get(http, Route(url, proxy_for(url, pod.environ)), within=within)
    except TimeoutError:
        raise DocumentUnavailable(failed(check, shown(url), _silence(within, after), fix)) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise DocumentUnavailable(skipped(check, f"{shown(url)}: {why(error)}", UNREACHABLE, fix)) from None
    if found.status != OK:
        raise DocumentUnavailable(
            failed(
                check, f"{shown(url)}: {found.status}", "STS needs a 200 from this URL, without redirect or login.", fix
            )
        )
    try:
        document = json.loads(found.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise DocumentUnavailable(failed(check, shown(url), "The answer is not a JSON object.", fix))
    return document, found


def _silence(within: Seconds, after: Seconds) -> str:
    if within == ISSUER_TIMEOUT:
        return "No answer within 5 s: STS does not wait longer."
    return f"No answer within {within:.0f} s; the document before took {after:.1f} s, and STS does not wait long."


def _discovery(document: dict[str, Any], token: UnverifiedToken, found: Fetched) -> Finding:
    saw = f"{shown(token.issuer)}: {found.seconds:.2f} s, members {shown(', '.join(sorted(document)))}"
    missing = [name for name in MEMBERS if not document.get(name)]
    if missing:
        return failed(
            DISCOVERY,
            saw,
            f"{', '.join(missing)} missing: STS says `Couldn't retrieve verification key`.",
            'Add: "response_types_supported": ["id_token"], "subject_types_supported": ["public"], '
            '"id_token_signing_alg_values_supported": ["RS256"], and issuer and jwks_uri.',
        )
    published = shown(document["issuer"])
    if document["issuer"] == token.issuer:
        return passed(DISCOVERY, saw, "All five members that STS needs are there, and the issuer is the token's.")
    fix = "Publish the document under the issuer that --service-account-issuer of the API server names."
    if published.rstrip("/") == token.issuer.rstrip("/"):
        return warned(DISCOVERY, f"{saw}; issuer {published}", "It differs from the token's iss by a slash.", fix)
    return failed(
        DISCOVERY, f"{saw}; issuer {published}", "The document belongs to another issuer than the token.", fix
    )


def _keys(document: dict[str, Any], token: UnverifiedToken, found: Fetched, uri: str) -> Finding:
    keys = document.get("keys")
    keys = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    known = [str(key.get("kid", "")) for key in keys]
    wanted = str(token.header.get("kid", ""))
    saw = f"{shown(uri)}: {found.seconds:.2f} s, keys {shown(', '.join(known)) or 'none'}; the token's {shown(wanted)}"
    if wanted in known:
        return _of_its_kind(keys[known.index(wanted)], token, saw)
    return failed(
        KEYS,
        saw,
        "The token's key is not published: STS says `Couldn't retrieve verification key`.",
        "If the token is old, read it again (`token-rotation`). If keys were rotated, publish a new key before "
        "signing with it, and keep the old one for the longest lifetime of a token (a day).",
    )


def _of_its_kind(key: dict[str, Any], token: UnverifiedToken, saw: str) -> Finding:
    """A key that stands under the right id and cannot have signed the token."""
    algorithm = str(token.header.get("alg", ""))
    needed = {"RS": "RSA", "ES": "EC"}.get(algorithm[:2], key.get("kty"))
    if key.get("kty") == needed and key.get("alg", algorithm) == algorithm:
        return passed(KEYS, saw, "The key that signed the token is published.")
    return failed(
        KEYS,
        f"{saw}; it is {shown(key.get('kty'))} {shown(key.get('alg', ''))}".rstrip(),
        f"The key under the token's id cannot have signed it: the token says {shown(algorithm)}. STS says "
        "`Couldn't retrieve verification key`, or refuses the signature.",
        "Publish the public half of the API server's current --service-account-signing-key-file.",
    )
