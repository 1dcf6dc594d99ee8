"""Tokens whose header and claims hold what no issuer writes."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.explain.asking import AUDIENCE, CLUSTER, NOW, SUBJECT

ODD: tuple[Any, ...] = (
    *(None, "", 0, 1, -1, 1.5, True, False, [], {}, [None], [""], ["a"], ["a", "b"], [1], [AUDIENCE], [AUDIENCE, 1]),
    *([AUDIENCE, ""], "x", AUDIENCE, SUBJECT, 2**63, 2**70, -(2**63), int(NOW), int(NOW) + 10, 1e300, {"a": 1}),
    *([AUDIENCE, AUDIENCE], [[AUDIENCE]], "HS256", "none", "ES256", "rs256"),
)
CLAIMS = (
    "iss",
    "sub",
    "aud",
    "iat",
    "nbf",
    "exp",
    "azp",
    "amr",
    "email",
    "https://aws.amazon.com/tags",
    "kubernetes.io",
)
HEADERS = ("alg", "kid", "typ", "crit", "b64", "zip")


def odd_tokens(seed: int, count: int) -> Iterator[str]:
    """Compact tokens; their signatures are none."""
    rng = random.Random(seed)
    for _ in range(count):
        claims: dict[str, Any] = {"iss": f"https://{CLUSTER}", "sub": SUBJECT, "aud": [AUDIENCE]}
        claims |= {"iat": int(NOW) - 60, "nbf": int(NOW) - 60, "exp": int(NOW) + 3000}
        header: dict[str, Any] = {"alg": "RS256", "kid": "k1"}
        for _ in range(rng.choice((1, 1, 2))):
            claims[rng.choice(CLAIMS)] = rng.choice(ODD)
        if rng.random() < 0.1:
            claims.pop(rng.choice(sorted(claims)))
        if rng.random() < 0.1:
            header[rng.choice(HEADERS)] = rng.choice(ODD)
        yield f"{_part(header)}.{_part(claims)}.c2ln"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
