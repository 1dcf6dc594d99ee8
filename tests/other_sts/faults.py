"""Nine faults of a call, each of which an STS server could refuse, and what each server makes of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from sidecar.lab.cluster.keys import SigningKey
from tests.lab.worlds import strangers_key
from tests.other_sts.issuer import AUDIENCE, URL, LabIssuer


class Call(NamedTuple):
    """What a fault spoils."""

    token: str
    role_arn: str
    duration: int = 900


@dataclass(frozen=True, slots=True)
class Fault:
    """`spoilt`: the call with this fault. The rest: what each server does, `accepted` or our error's name."""

    name: str
    spoilt: Callable[[LabIssuer, str], Call]
    versitygw: str
    seaweedfs: str
    minio: str
    ceph: str

    @property
    def outcomes(self) -> dict[str, str]:
        """By server."""
        return {name: getattr(self, name) for name in ("versitygw", "seaweedfs", "minio", "ceph")}


ACCEPTED = "accepted"
TOKEN, TRUST, KEYS, REQUEST = "TokenRefused", "TrustRefused", "IssuerUnreachable", "RequestRefused"

FAULTS = (
    Fault(
        "the token has expired",
        lambda issuer, role: Call(issuer.token(iat=_ago(4200), nbf=_ago(4200), exp=_ago(600)), role),
        *(TOKEN, TOKEN, TOKEN, TOKEN),
    ),
    Fault(
        "its signature does not fit",
        lambda issuer, role: Call(issuer.token(replace(strangers_key(), kid=_signer(issuer).kid)), role),
        *(TRUST, TOKEN, TOKEN, TRUST),
    ),
    Fault(
        "its kid names no published key",
        lambda issuer, role: Call(issuer.token(replace(_signer(issuer), kid="unknown")), role),
        *(TRUST, KEYS, KEYS, ACCEPTED),
    ),
    Fault(
        "its audience is not allowed",
        lambda issuer, role: Call(issuer.token(aud=["other"]), role),
        *(TRUST, TRUST, TRUST, TRUST),
    ),
    Fault(
        "it is another service account's",
        lambda issuer, role: Call(issuer.token(sub="system:serviceaccount:shop:other"), role),
        *(TRUST, TRUST, ACCEPTED, TRUST),
    ),
    Fault(
        "it is another issuer's, signed with the same key",
        lambda issuer, role: Call(issuer.token(iss=f"{URL}/other"), role),
        *(TRUST, TRUST, ACCEPTED, TRUST),
    ),
    Fault(
        "it has two audiences",
        lambda issuer, role: Call(issuer.token(aud=[AUDIENCE, "other"]), role),
        *(TOKEN, ACCEPTED, ACCEPTED, ACCEPTED),
    ),
    Fault(
        "the role does not exist",
        lambda issuer, role: Call(issuer.token(), f"{role}-unknown"),
        *(TRUST, REQUEST, REQUEST, TRUST),
    ),
    Fault(
        "the session is asked for 50000 s",
        lambda issuer, role: Call(issuer.token(), role, 50_000),
        *(REQUEST, REQUEST, ACCEPTED, REQUEST),
    ),
)


def _signer(issuer: LabIssuer) -> SigningKey:
    return issuer.issuer.signer(time.time())


def _ago(seconds: int) -> int:
    return int(time.time()) - seconds
