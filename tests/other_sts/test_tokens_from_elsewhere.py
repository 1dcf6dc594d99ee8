"""Tokens of other platforms than the lab's: the lab's issuer signs their claims, and the exchange names a session."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.core.claims import unverified_claims
from sidecar.core.clock import SystemClock
from sidecar.core.model import Token
from sidecar.sts.exchange import StsCall, StsExchange
from tests.lab.worlds import ROLE, a_lab, as_json


@dataclass(frozen=True)
class Shape:
    """What a platform writes into its tokens, and the session name that comes of it; None takes a claim away."""

    platform: str
    subject: str
    session_name: str
    claims: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.platform


NO_KUBERNETES = {"kubernetes.io": None}
SHAPES = [
    Shape(
        "GKE",
        "system:serviceaccount:shop:checkout",
        "shop.checkout-5d4f",
        {
            "kubernetes.io": {
                "namespace": "shop",
                "node": {"name": "gke-pool-1", "uid": "0f5a"},
                "pod": {"name": "checkout-5d4f", "uid": "1a2b"},
                "serviceaccount": {"name": "checkout", "uid": "3c4d"},
            },
        },
    ),
    Shape(
        "AKS",
        "system:serviceaccount:shop:checkout",
        "shop.checkout-5d4f",
        {
            "kubernetes.io": {
                "namespace": "shop",
                "pod": {"name": "checkout-5d4f", "uid": "1a2b"},
                "serviceaccount": {"name": "checkout", "uid": "3c4d"},
            },
        },
    ),
    Shape(
        "GitHub Actions",
        "repo:octo-org/checkout:ref:refs/heads/main",
        "repo-octo-org-checkout-ref-refs-heads-main-19d091f305",
        NO_KUBERNETES
        | {
            "aud": "sts.amazonaws.com",
            "actor": "octocat",
            "ref": "refs/heads/main",
            "repository": "octo-org/checkout",
            "workflow": "deploy",
        },
    ),
    Shape(
        "GitLab CI",
        "project_path:shop/checkout:ref_type:branch:ref:main",
        "project_path-shop-checkout-ref_type-branch-ref-main-fcbb955e6d",
        NO_KUBERNETES
        | {
            "aud": "sts.amazonaws.com",
            "namespace_path": "shop",
            "project_path": "shop/checkout",
            "job_id": "1212",
            "ref": "main",
        },
    ),
    Shape(
        "SPIFFE",
        "spiffe://example.org/ns/shop/sa/checkout",
        "spiffe---example.org-ns-shop-sa-checkout-1b32acb52e",
        NO_KUBERNETES | {"nbf": None, "jti": None},
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
async def test_a_token_from_elsewhere_is_exchanged_for_a_session_that_names_its_owner(
    shape: Shape, tmp_path: Path
) -> None:
    async with a_lab(tmp_path) as world, aiohttp.ClientSession() as http:
        host = world.lab.issuer_url.removeprefix("http://")
        trust = world.policy(Condition={"StringEquals": {f"{host}:sub": shape.subject}})
        world.lab.faults.start("policy-changed", as_json(trust))
        raw = world.token(sub=shape.subject, **shape.claims)
        exchange = StsExchange(http, StsCall(world.lab.sts_url, ROLE, 3600), SystemClock())
        held = await exchange(Token(raw, unverified_claims(raw)))
    assert held.assumed_role_arn == f"arn:aws:sts::111122223333:assumed-role/demo/{shape.session_name}"
