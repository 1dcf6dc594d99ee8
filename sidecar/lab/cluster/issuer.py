"""The cluster's OIDC issuer: discovery and JWKS as EKS publishes them, and tokens as the kubelet receives them.

Sources: EKS User Guide (discovery document, signing keys), Kubernetes pkg/serviceaccount (claims). The issuer's URL is
http on loopback, which only the lab's own IAM accepts; AWS requires https.
"""

import asyncio
import uuid
from typing import Any

from aiohttp import web

from sidecar.lab.clock import LabClock
from sidecar.lab.cluster import keys
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.keys import SigningKey
from sidecar.lab.faults import Faults

API_TOKEN_LIFETIME = 3607
"""The kubelet's default token asks for exactly this; the API server then grants a year and sets warnafter."""
YEAR = 365 * 86400
JWKS_PATH = "/keys"
DISCOVERY_PATH = "/.well-known/openid-configuration"


class Issuer:
    """One issuer at one URL. Its state is in the key ring and the faults."""

    def __init__(self, url: str, ring: KeyRing, faults: Faults) -> None:
        self.url = url
        self._ring = ring
        self._faults = faults

    def signer(self, now: float) -> SigningKey:
        """The key that signs now; `signer(now).sign(claims(...))` is a token."""
        return self._ring.spare() if self._badly_rotated() else self._ring.signer(now)

    def jwks(self, now: float) -> dict[str, list[dict[str, str]]]:
        """The keys that are published now, unless a fault removes some or all."""
        if self._faults.get("jwks-empty") is not None:
            return keys.jwks([])
        published = [] if self._faults.get("drop-old-key") is not None else self._ring.published(now)
        if self._faults.get("sign-before-publish") is None and (self._ring.has_spare() or self._badly_rotated()):
            published = [*published, self._ring.spare()]
        return keys.jwks(published)

    def discovery(self) -> dict[str, Any]:
        """The members that EKS publishes, in its order; AWS needs five of them, and a fault may remove one."""
        url = self.url
        document = discovery(url if self._faults.get("discovery-issuer") is None else f"{url}/another-issuer", url)
        document.pop(self._faults.get("discovery-member") or "", None)
        return document

    def _badly_rotated(self) -> bool:
        return any(self._faults.get(name) is not None for name in ("sign-before-publish", "drop-old-key"))


def discovery(issuer: str, base: str) -> dict[str, Any]:
    """A discovery document with its keys below `base`."""
    return {
        "issuer": issuer,
        "jwks_uri": base + JWKS_PATH,
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "iss"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
    }


def claims(issuer: str, account: ServiceAccount, audience: str, lifetime: float, now: float) -> dict[str, Any]:
    """What the API server writes into a projected token. Times are whole seconds, `nbf` is `iat`, `aud` is a list."""
    issued_at = int(now)
    extended = audience == issuer and int(lifetime) == API_TOKEN_LIFETIME
    details: dict[str, Any] = {
        "namespace": account.namespace,
        "node": {"name": account.node, "uid": account.uid_of("node")},
        "pod": {"name": account.pod_name, "uid": account.uid_of("pod")},
        "serviceaccount": {"name": account.name, "uid": account.uid_of("serviceaccount")},
    }
    if extended:
        details["warnafter"] = issued_at + API_TOKEN_LIFETIME
    return {
        "aud": [audience],
        "exp": issued_at + (YEAR if extended else max(1, int(lifetime))),
        "iat": issued_at,
        "iss": issuer,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": details,
        "nbf": issued_at,
        "sub": account.subject,
    }


def legacy_claims(account: ServiceAccount) -> dict[str, Any]:
    """The claims of a token from a Secret, as before Kubernetes 1.24: no expiry, no audience, refused by STS."""
    prefix = "kubernetes.io/serviceaccount"
    return {
        "iss": "kubernetes/serviceaccount",
        f"{prefix}/namespace": account.namespace,
        f"{prefix}/secret.name": f"{account.name}-token-x7k2p",
        f"{prefix}/service-account.name": account.name,
        f"{prefix}/service-account.uid": account.uid_of("serviceaccount"),
        "sub": account.subject,
    }


def issuer_app(issuer: Issuer, faults: Faults, clock: LabClock) -> web.Application:
    """Serves discovery and keys, without authentication or throttling, as EKS does."""

    async def get_discovery(_: web.Request) -> web.Response:
        return web.json_response(issuer.discovery(), headers={"Cache-Control": "public, max-age=60"})

    async def get_keys(_: web.Request) -> web.Response:
        await asyncio.sleep(faults.seconds("jwks-slow"))
        if faults.get("jwks-500") is not None:
            return web.Response(status=500, text="the issuer fails (lab fault jwks-500)\n")
        return web.json_response(issuer.jwks(clock()), headers={"Cache-Control": "public, max-age=60"})

    app = web.Application()
    app.router.add_get(DISCOVERY_PATH, get_discovery)
    app.router.add_get(JWKS_PATH, get_keys)
    return app
