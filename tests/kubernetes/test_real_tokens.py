"""The lab's issuer is honest: tokens and documents of a real API server are as the lab imitates them."""

import asyncio
from typing import Any

import jwt
import pytest

from sidecar.lab.cli.export import JWKS_FILE, documents_for
from sidecar.lab.cluster import issuer as lab_issuer
from sidecar.lab.cluster.accounts import MINIMUM_LIFETIME, ServiceAccount
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.real_tokens import DISCOVERY, KEYS, RunningPod, claims_of


async def test_a_real_token_and_the_labs_have_the_same_members(pod: RunningPod) -> None:
    real = await pod.token()
    imitated = lab_issuer.claims("https://issuer", ServiceAccount(), "sts.amazonaws.com", 3600, 0)

    assert shape(claims_of(real)) == shape(imitated)
    assert jwt.get_unverified_header(real).keys() == {"alg", "kid"}


def shape(value: Any) -> Any:
    """Names and types, without values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in sorted(value.items())}
    return [shape(member) for member in value] if isinstance(value, list) else type(value).__name__


async def test_a_real_token_says_whose_it_is(pod: RunningPod, cluster: Cluster) -> None:
    found = claims_of(await pod.token())

    assert found["iss"] == cluster.bucket.url
    assert found["sub"] == f"system:serviceaccount:{pod.namespace}:{pod.account}"
    assert found["aud"] == ["sts.amazonaws.com"]
    assert found["nbf"] == found["iat"] == found["exp"] - 3600
    assert found["kubernetes.io"]["pod"] == {"name": pod.name, "uid": pod.manifest["metadata"]["uid"]}


async def test_no_token_lives_shorter_than_the_lab_says(pod: RunningPod) -> None:
    await pod.token(seconds=MINIMUM_LIFETIME)
    with pytest.raises(Refused, match="may not specify a duration less than 10 minutes"):
        await pod.token(seconds=MINIMUM_LIFETIME - 1)


async def test_the_default_token_of_every_pod_lives_a_year_and_warns_after_an_hour(
    pod: RunningPod, cluster: Cluster
) -> None:
    real = claims_of(await pod.token("https://kubernetes.default.svc", lab_issuer.API_TOKEN_LIFETIME))

    assert real["exp"] - real["iat"] == lab_issuer.YEAR
    assert real["kubernetes.io"]["warnafter"] == real["iat"] + lab_issuer.API_TOKEN_LIFETIME


async def test_the_documents_are_what_the_lab_publishes_but_for_two_members_of_eks(api: Api) -> None:
    real = await api.get(DISCOVERY)
    imitated = lab_issuer.discovery("https://issuer", "https://issuer")

    assert shape(real | {"authorization_endpoint": "", "claims_supported": ["", ""]}) == shape(imitated)


async def test_the_keys_are_those_that_lab_export_makes_from_the_public_key(cluster: Cluster, api: Api) -> None:
    exported = documents_for(cluster.bucket.url, [cluster.public_keys[0].read_bytes()])

    assert await api.get(KEYS) == exported[JWKS_FILE]


async def test_the_api_server_shows_them_to_nobody_until_it_is_allowed(cluster: Cluster, api: Api) -> None:
    async with cluster.anonymous() as nobody:
        with pytest.raises(Refused) as refusal:
            await nobody.get(KEYS)
        assert refusal.value.status == 403
        await api.create(EVERYBODY_MAY_READ_THEM, "")
        while not await allowed(nobody):
            await asyncio.sleep(0.05)


EVERYBODY_MAY_READ_THEM = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "oidc-reviewer"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:service-account-issuer-discovery",
    },
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}],
}


async def allowed(nobody: Api) -> bool:
    try:
        await nobody.get(KEYS)
    except Refused:
        return False
    return True
