"""Checks the token's claims: subject, audience, age, and whether the kubelet replaces it in time."""

from collections.abc import Iterator
from dataclasses import replace

from sidecar.core.findings import Finding, Level
from sidecar.core.model import Seconds
from sidecar.core.timestamps import readable_time
from sidecar.doctor.findings import failed, passed, warned
from sidecar.doctor.pod import Pod
from sidecar.doctor.token_place import VOLUME, WHOLE_DIRECTORY
from sidecar.explain import token_mistakes
from sidecar.explain.jwt_parts import NotAJwt, UnverifiedToken, printable, shown, take_apart

LONGEST_WITHOUT_ROTATION: Seconds = 86_400
SHORT_TOKEN_LIFE: Seconds = 3600
ROTATION_JITTER: Seconds = 10
KUBELET_SYNC: Seconds = 90
"""The kubelet looks at a pod's volumes every 60 to 90 s."""
ROTATION_SLACK: Seconds = 120


def of_explained(check: str, found: Finding) -> Finding:
    """A finding of `explain` as one of the doctor's; its code is what was seen."""
    return replace(found, code=check, saw=found.code)


def form(pod: Pod) -> Finding | None:
    """A JWT with an algorithm that STS accepts and the claims that it needs."""
    if pod.token is None:
        return None
    try:
        token = take_apart(pod.token.raw)
    except NotAJwt as problem:
        return failed("token-form", str(pod.token_path), f"The file does not hold a JWT: {problem}.", VOLUME)
    algorithm = shown(token.header.get("alg"))
    return _worst("token-form", (*token_mistakes.form(token), *token_mistakes.claims(token))) or passed(
        "token-form", f"alg {algorithm}, kid {shown(token.header.get('kid'))}", "A JWT that STS accepts."
    )


def _worst(check: str, found: tuple[Finding, ...]) -> Finding | None:
    """The first error, else the first warning, else None."""
    order = sorted(found, key=lambda finding: finding.level is not Level.ERROR)
    return next((of_explained(check, finding) for finding in order if finding.level is not Level.INFO), None)


def plainly(pod: Pod) -> Finding | None:
    token = pod.unverified
    if token is None:
        return None
    return passed("token-claims", "; ".join(_facts(token)), "The token's service account and audiences.")


def _facts(token: UnverifiedToken) -> Iterator[str]:
    yield f"issuer {shown(token.issuer or 'missing')}"
    yield f"subject {shown(token.subject or 'missing')}"
    yield f"audience {printable(', '.join(token.audiences)) or 'missing'}"
    for claim, name in (("iat", "issued"), ("exp", "expires")):
        at = token.time(claim)
        yield f"{name} {'never' if at is None else readable_time(at)}"


def audience(pod: Pod) -> Finding | None:
    """Meant for STS, not for the API server or Pod Identity; and spelt as everywhere."""
    token = pod.unverified
    if token is None or not token.audiences:
        return None
    wrong = (*token_mistakes.wrong_file(token), *token_mistakes.several_audiences(token))
    odd = tuple(found for found in token_mistakes.remarks(token) if found.code == "odd-token-audience")
    saw = printable(", ".join(token.audiences))
    return _worst("token-audience", wrong + odd) or passed(
        "token-audience", saw, "The IAM OIDC provider must list this audience as a client ID."
    )


def subject(pod: Pod) -> Finding | None:
    token = pod.unverified
    if token is None or len(token.subject) <= token_mistakes.MAXIMUM_SUBJECT:
        return None
    return warned(
        "token-subject",
        f"{len(token.subject)} characters",
        f"STS's service model allows {token_mistakes.MAXIMUM_SUBJECT} characters; longer subjects are untested.",
        token_mistakes.SHORTEN_NAMES,
    )


def life(pod: Pod) -> Finding | None:
    """By this machine's clock."""
    token = pod.unverified
    if token is None or token.time("exp") is None:
        return None
    if wrong := _worst("token-life", (*token_mistakes.expiry(token, pod.now), *token_mistakes.not_yet(token, pod.now))):
        return wrong
    expires, issued = token.time("exp") or 0, token.time("iat") or 0
    saw = f"{expires - pod.now:.0f} s left of {expires - issued}"
    if 0 < expires - issued < SHORT_TOKEN_LIFE:
        return warned(
            "token-life",
            saw,
            "With such a short lifetime, the old token expires about a minute after the kubelet replaces it.",
            "expirationSeconds: 3600 # or more",
        )
    return passed("token-life", saw, "Valid by this machine's clock.")


def rotation(pod: Pod) -> Finding | None:
    """The kubelet replaces a token after 80 % of its life, at the latest after 24 h (`token_manager.go`)."""
    token = pod.unverified
    issued, expires = (token.time("iat"), token.time("exp")) if token else (None, None)
    if issued is None or expires is None or pod.now >= expires:
        return None
    due = min(issued + LONGEST_WITHOUT_ROTATION, expires - (expires - issued) // 5)
    saw = f"due at {readable_time(int(due))}, {abs(due - pod.now):.0f} s {'ago' if due < pod.now else 'from now'}"
    if pod.now > due + ROTATION_JITTER + KUBELET_SYNC + ROTATION_SLACK:
        return failed(
            "token-rotation",
            saw,
            "The kubelet should have replaced the token by now. It failed, or this mount does not show the new file.",
            f"kubectl get events --field-selector reason=FailedMount; kubelet log `serviceaccount token`\n"
            f"{WHOLE_DIRECTORY}",
        )
    return passed("token-rotation", saw, "The token is not yet due for replacement.")
