"""The issuer: what it publishes, what its tokens say, and an independent reader for both."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from sidecar.lab.cluster import issuer
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.key_rotation import rotate
from tests.lab.worlds import World, a_lab

NOW = 1_900_000_000.0


async def get(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        found: dict[str, Any] = await answer.json()
        return found


def verified(world: World, audience: str = "sts.amazonaws.com") -> dict[str, object]:
    """PyJWT reads the projected token with the published keys, as any relying party would."""
    token = world.lab.token_file.read_text()
    key: jwt.PyJWK = jwt.PyJWKClient(f"{world.lab.issuer_url}/keys").get_signing_key_from_jwt(token)
    found: dict[str, object] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=audience,
        issuer=world.lab.issuer_url,
        options={"require": ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]},
    )
    return found


async def test_discovery_has_the_members_that_eks_publishes(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        url = world.lab.issuer_url
        assert await get(f"{url}/.well-known/openid-configuration") == {
            "issuer": url,
            "jwks_uri": f"{url}/keys",
            "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "claims_supported": ["sub", "iss"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


async def test_the_key_set_holds_public_members_alone(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        document = await get(f"{world.lab.issuer_url}/keys")
    (key,) = document["keys"]
    assert set(key) == {"kty", "kid", "use", "alg", "n", "e"}


async def test_an_independent_reader_accepts_the_projected_token(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        claims = await asyncio.to_thread(verified, world)
        assert claims["sub"] == "system:serviceaccount:default:app"


async def test_during_a_good_rotation_every_token_is_accepted(tmp_path: Path) -> None:
    now = NOW
    async with a_lab(tmp_path, clock=lambda: now) as world:
        old = world.token()
        kid = rotate(world.lab.ring, now, wait=10, keep=100)
        await world.exchange(old)
        now += 10
        assert jwt.get_unverified_header(world.token())["kid"] == kid
        await world.exchange(old)
        await world.exchange(world.token())


def test_a_tokens_claims_are_those_of_a_kubelets_token() -> None:
    account = ServiceAccount("payments", "api", pod="api-7c9", node="n1")
    claims = issuer.claims("https://x", account, "sts.amazonaws.com", 3600, NOW + 0.9)
    again = issuer.claims("https://x", account, "sts.amazonaws.com", 3600, NOW)
    assert claims.pop("jti") != again.pop("jti")
    assert claims == again
    assert claims.pop("kubernetes.io") == {
        "namespace": "payments",
        "node": {"name": "n1", "uid": account.uid_of("node")},
        "pod": {"name": "api-7c9", "uid": account.uid_of("pod")},
        "serviceaccount": {"name": "api", "uid": account.uid_of("serviceaccount")},
    }
    assert claims == {
        "aud": ["sts.amazonaws.com"],
        "exp": 1_900_003_600,
        "iat": 1_900_000_000,
        "iss": "https://x",
        "nbf": 1_900_000_000,
        "sub": "system:serviceaccount:payments:api",
    }


@pytest.mark.parametrize(
    ("audience", "lifetime", "lives", "warned"),
    [
        ("https://x", 3607, 365 * 86400, True),
        ("https://x", 3600, 3600, False),
        ("sts.amazonaws.com", 3607, 3607, False),
    ],
)
def test_only_the_api_servers_own_default_token_is_prolonged_and_warns(
    audience: str, lifetime: int, lives: int, warned: bool
) -> None:
    claims = issuer.claims("https://x", ServiceAccount(), audience, lifetime, NOW)
    assert claims["exp"] - claims["iat"] == lives
    assert claims["kubernetes.io"].get("warnafter") == (NOW + 3607 if warned else None)


async def test_a_legacy_token_lacks_the_audience(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        key = world.lab.issuer.signer(NOW)
        with pytest.raises(Exception, match="Missing a required claim: aud"):
            await world.exchange(key.sign(issuer.legacy_claims(ServiceAccount())))
