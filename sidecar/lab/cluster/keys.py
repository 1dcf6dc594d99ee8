"""Signing keys: RSA 2048 as PEM, their ids in the two forms in use, and the JWKS that publishes them."""

import base64
import enum
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from sidecar.lab.state import PRIVATE, write

ALGORITHM = "RS256"


class KidForm(enum.Enum):
    """The form of key ids: as EKS writes them (40 hex digits), or as kube-apiserver does."""

    EKS = "eks"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its id."""

    kid: str
    private: RSAPrivateKey = field(repr=False)

    @property
    def jwk(self) -> dict[str, str]:
        return public_jwk(self.private.public_key(), self.kid)

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWS with kubelet's header: `alg` and `kid`, no `typ`."""
        return jwt.encode(claims, self.private, ALGORITHM, headers={"kid": self.kid, "typ": None})


def generate(form: KidForm = KidForm.EKS) -> SigningKey:
    private = generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKey(kid_of(private.public_key(), form), private)


def kid_of(public: RSAPublicKey, form: KidForm) -> str:
    """UPSTREAM: base64url(sha256(SPKI DER)) without padding, as kube-apiserver. EKS's recipe is not published."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if form is KidForm.EKS:
        return hashlib.sha1(der, usedforsecurity=False).hexdigest()
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def public_jwk(public: RSAPublicKey, kid: str) -> dict[str, str]:
    """One member of `keys`, with the members that EKS publishes."""
    numbers: dict[str, str] = json.loads(RSAAlgorithm.to_jwk(public))
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": ALGORITHM, "n": numbers["n"], "e": numbers["e"]}


def jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, str]]]:
    return {"keys": [key.jwk for key in keys]}


def save(key: SigningKey, directory: Path) -> None:
    """Writes `<kid>.pem`, readable by its owner alone."""
    pem = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write(directory / f"{key.kid}.pem", pem, PRIVATE)


def load(directory: Path, kid: str) -> SigningKey:
    """Raises FileNotFoundError, or ValueError for a file that holds no RSA private key."""
    path = directory / f"{kid}.pem"
    # Whether its numbers are prime is not tested: that takes longer than the rest of the lab's start.
    private = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, RSAPrivateKey):  # the file's content is wrong, not an argument's type
        raise ValueError(  # noqa: TRY004
            f"{path} holds no RSA key. The lab signs {ALGORITHM}: remove the file, or put an RSA key there."
        )
    return SigningKey(kid, private)
