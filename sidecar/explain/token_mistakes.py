"""Mistakes that show in the token alone: form, claims, age, and whether it is another token altogether."""

from collections.abc import Iterator, Mapping

from sidecar.core import audiences, issuers
from sidecar.core.findings import Finding, error, info, warning
from sidecar.core.model import UnixTime
from sidecar.core.timestamps import readable_time
from sidecar.explain.jwt_parts import ALGORITHMS, UnverifiedToken, shown

REQUIRED = ("iss", "sub", "aud", "iat", "exp")
TIMES = ("iat", "nbf", "exp")
TEXTS = ("iss", "sub", "aud", "azp")
MAXIMUM_TOKEN_AGE = 86_400
"""Seconds after `iat`. AWS refused one of 441398 s as too old; that the limit is a day is inference."""
MAXIMUM_SUBJECT = 255
"""SubjectFromWebIdentityToken (STS service model). Namespace and service account may have 339 together."""
SHORTEN_NAMES = "Shorten the names of namespace and service account."


def project_another(audience: str = audiences.STS) -> str:
    """How to get the right token; its audience is what policy and provider want."""
    return (
        f'Mount a projected volume of your own, "serviceAccountToken: {{path: token, audience: {audience}, '
        'expirationSeconds: 3600}", and point AWS_WEB_IDENTITY_TOKEN_FILE at it.'
    )


def form(token: UnverifiedToken) -> Iterator[Finding]:
    """The header: STS accepts six algorithms, a key id of text, and no extension."""
    header = token.header
    if "crit" in header or header.get("b64") is False or not isinstance(header.get("kid", ""), str):
        yield error(
            "header-refused",
            "The token's header has a critical extension, or a kid that is not text; STS says `The ID Token "
            "provided is not a valid JWT`.",
            "Use the cluster's own token: Kubernetes writes alg and kid alone.",
        )
    algorithm = shown(token.header.get("alg"))
    if algorithm not in ALGORITHMS:
        yield error(
            "algorithm-refused",
            f"The token is signed with alg {algorithm}; STS accepts {', '.join(ALGORITHMS)}.",
            "Sign with RS256: let --service-account-signing-key-file of the API server be an RSA key.",
        )
    elif algorithm.startswith("ES"):
        yield warning(
            "algorithm-young",
            f"The token is signed with {algorithm}, which STS accepts only since recently; some tools refuse it.",
            "RS256 works everywhere.",
        )


def claims(token: UnverifiedToken) -> Iterator[Finding]:
    """What must be there, and of which type."""
    yield from _legacy_secret(token)
    for name in REQUIRED:
        if token.claims.get(name) in (None, "", []):
            yield error(
                "claim-missing", f"The token has no {name}: `Missing a required claim: {name}`.", project_another()
            )
    for name in TIMES:
        if (
            name in token.claims
            and (token.claims[name] is not None or name == "nbf")
            and not _is_long(token.time(name))
        ):
            yield error(
                "time-not-whole",
                f"{name} is not a whole number of at most 64 bits; STS accepts only such.",
                "Use the cluster's own token: Kubernetes writes whole seconds.",
            )
    for name in TEXTS:
        absent: tuple[object, ...] = (None,) if name == "azp" else (None, "", [])
        if token.claims.get(name) not in absent and not _is_text(token.claims[name], name):
            yield error(
                "claim-not-text",
                f"{name} is not text; STS says `The ID Token provided is not a valid JWT`.",
                "Use the cluster's own token: Kubernetes writes these claims as text.",
            )


def _is_long(value: int | None) -> bool:
    return value is not None and abs(value) < 1 << 63


def _is_text(value: object, name: str) -> bool:
    """`aud` may be a list of texts, as Kubernetes writes it."""
    items = value if name == "aud" and isinstance(value, list) else [value]
    return all(isinstance(item, str) and item for item in items)


def issuer_unreachable(token: UnverifiedToken) -> Iterator[Finding]:
    """What AWS can never fetch keys from. The lab's own issuer, on loopback, is for the lab's STS."""
    clause = issuers.unreachable(token.issuer)
    if not clause or is_of_the_lab(token):
        return
    yield error(
        "issuer-unreachable",
        f"AWS cannot reach the token's issuer {shown(token.issuer)}: {clause}. STS says `No OpenIDConnect provider "
        "found`, or `Couldn't retrieve verification key`.",
        "Give the API server a public https:// issuer (--service-account-issuer), and publish its discovery document "
        "and keys there.",
    )


def issuer_of_the_lab(token: UnverifiedToken) -> Iterator[Finding]:
    """Said where AWS's rules are asked for."""
    if is_of_the_lab(token):
        yield warning(
            "issuer-of-the-lab",
            f"The issuer {shown(token.issuer)} is on this machine: the STS of `irsa-sidecar lab` can take this token, "
            "AWS's never.",
            "For AWS use a token of a cluster whose issuer is public.",
        )


def issuer_unjudged(token: UnverifiedToken) -> Iterator[Finding]:
    """What AWS can never fetch keys from, and another STS may."""
    if clause := issuers.unreachable(token.issuer):
        yield info(
            "issuer-unjudged",
            f"Not checked: whether this STS, which is not AWS's, can reach the token's issuer {shown(token.issuer)}. "
            f"AWS cannot: {clause}.",
            "Ask from the server's own network for /.well-known/openid-configuration under the issuer.",
        )


def is_of_the_lab(token: UnverifiedToken) -> bool:
    """Whether it names an issuer as `irsa-sidecar lab` has one; AWS's STS can never take such a token."""
    return token.issuer.startswith("http://") and issuers.is_on_loopback(token.issuer)


def _legacy_secret(token: UnverifiedToken) -> Iterator[Finding]:
    if not token.audiences and (
        token.issuer == "kubernetes/serviceaccount" or "kubernetes.io/serviceaccount/secret.name" in token.claims
    ):
        yield error(
            "legacy-secret-token",
            "This is a Secret's token (kubernetes.io/service-account-token): it has no audience and never expires.",
            project_another(),
        )


def is_for_the_api_server(token: UnverifiedToken) -> bool:
    """The default token of a pod: for Kubernetes's API, never for STS."""
    extended = "warnafter" in _kubernetes(token)
    return extended or any(audiences.is_for_the_api_server(name) for name in token.audiences)


def may_be_for_the_api_server(token: UnverifiedToken) -> bool:
    """Its audience is its issuer: a cluster's default, but some providers are set up for it."""
    return token.issuer in token.audiences and bool(_kubernetes(token))


def _kubernetes(token: UnverifiedToken) -> Mapping[str, object]:
    found = token.claims.get("kubernetes.io")
    return found if isinstance(found, dict) else {}


def wrong_file(token: UnverifiedToken, audience: str = audiences.STS) -> Iterator[Finding]:
    """Two tokens that lie in many pods and are meant for others. Their audiences are at no provider's."""
    if audiences.POD_IDENTITY in token.audiences:
        yield error(
            "pod-identity-token",
            f"The token's audience is {audiences.POD_IDENTITY}: it is EKS Pod Identity's, not IRSA's.",
            project_another(audience),
        )
    elif is_for_the_api_server(token):
        yield api_token(token, audience)


def api_token(token: UnverifiedToken, audience: str = audiences.STS) -> Finding:
    return error(
        "api-token",
        f"The token's audience is {_listed(token.audiences)}: it is the pod's token for the API server "
        "(/var/run/secrets/kubernetes.io/serviceaccount/token).",
        project_another(audience),
    )


def several_audiences(token: UnverifiedToken, audience: str = audiences.STS) -> Iterator[Finding]:
    if len(token.audiences) > 1 and not token.text("azp"):
        yield error(
            "several-audiences",
            f"The token has {len(token.audiences)} audiences ({_listed(token.audiences)}) and no azp claim to select "
            "them.",
            project_another(audience),
        )


def expiry(token: UnverifiedToken, now: UnixTime) -> Iterator[Finding]:
    """STS grants no known leeway: one real refusal came 198 s past `exp`."""
    expires, issued = token.time("exp"), token.time("iat")
    if expires is not None and now >= expires:
        yield error(
            "token-expired",
            f"The token expired {now - expires:.0f} s ago, at {readable_time(expires)}. If its key has left the "
            "JWKS meanwhile, STS says `Couldn't retrieve verification key` instead.",
            "Read the file again before each exchange. If the file itself is old: do not mount it with subPath (it "
            "never receives a rotated token), and check the kubelet and the node's clock.",
        )
    elif issued is not None and now - issued > MAXIMUM_TOKEN_AGE:
        yield error(
            "token-too-old",
            f"The token was issued {now - issued:.0f} s ago; STS says `Token too old`. The limit is about a day "
            "(inference; 441398 s was refused).",
            "The kubelet replaces a projected token within 24 hours: read the file again; mount it without subPath.",
        )


def not_yet(token: UnverifiedToken, now: UnixTime) -> Iterator[Finding]:
    for name in ("nbf", "iat"):
        at = token.time(name)
        if at is not None and at > now:
            yield error(
                "token-not-yet-valid",
                f"{name} is {at - now:.0f} s in the future, {readable_time(at)}. How much STS tolerates is unknown.",
                "Synchronize the clocks of this machine and of the API server with NTP.",
            )
            return


def remarks(token: UnverifiedToken) -> Iterator[Finding]:
    """What no step of STS refuses, as far as is known."""
    if len(token.subject) > MAXIMUM_SUBJECT:
        yield warning(
            "subject-too-long",
            f"sub has {len(token.subject)} characters; STS's service model allows {MAXIMUM_SUBJECT}.",
            SHORTEN_NAMES,
        )
    for audience in token.audiences:
        if remark := audiences.remark(audience):
            yield warning(
                "odd-token-audience",
                f"The token's audience is {shown(audience)}: {remark}.",
                f"Project the token with audience {audiences.STS}, unless provider and policy really use this one.",
            )
    yield info(
        "signature-unseen",
        f"Signature and keys cannot be checked offline: {shown(token.issuer)} must publish the key "
        f"{shown(token.header.get('kid') or 'without id')}.",
        "`irsa-sidecar doctor` checks the discovery document and JWKS where they can be reached.",
    )


def _listed(audiences: tuple[str, ...]) -> str:
    return ", ".join(shown(audience) for audience in audiences) or "missing"
