"""`irsa-sidecar lab export`: discovery and JWKS for a cluster that is not EKS, from its public signing key.

In a public bucket they let IAM trust the cluster (aws/amazon-eks-pod-identity-webhook, SELF_HOSTED_SETUP). AWS reads
nothing else of a cluster. The private key must stay where the API server is, and is refused here.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sidecar.lab.cluster import keys
from sidecar.lab.cluster.issuer import DISCOVERY_PATH, discovery
from sidecar.lab.cluster.keys import KidForm
from sidecar.lab.state import write
from sidecar.trust import ASSUME_ROLE_WITH_WEB_IDENTITY, issuer_prefix

JWKS_FILE = "keys.json"


class BadExport(ValueError):
    """A key or an issuer that cannot be published."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", type=Path, action="append", required=True, metavar="PEM", help="public signing key; repeatable"
    )
    parser.add_argument(
        "--issuer", required=True, metavar="URL", help="https://HOST/PATH where the files will be published"
    )
    parser.add_argument("--out", type=Path, default=Path("oidc"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--audience", default="sts.amazonaws.com", help="(%(default)s)")
    parser.add_argument("--account", default="111122223333", help="for the trust policy (%(default)s)")
    parser.add_argument("--partition", default="aws", help="(%(default)s)")
    parser.add_argument("--service-account", default="default:app", metavar="NAMESPACE:NAME", help="(%(default)s)")
    parser.set_defaults(command=_export)


def _export(arguments: argparse.Namespace) -> str:
    documents = documents_for(arguments.issuer, [path.read_bytes() for path in arguments.key])
    for name, document in documents.items():
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, json.dumps(document, indent=2).encode() + b"\n")
    return instructions(arguments)


def documents_for(issuer: str, pems: Sequence[bytes]) -> Mapping[str, Any]:
    """Documents by their path below the issuer's URL. Raises BadExport."""
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise BadExport(f"The issuer is {issuer!r}; AWS and kube-apiserver accept https://HOST/PATH without a query.")
    if issuer.endswith("/"):
        raise BadExport(f"The issuer {issuer!r} ends with a slash, which would become part of its name. Remove it.")
    public = [public_key(pem) for pem in pems]
    document = discovery(issuer, issuer) | {"jwks_uri": f"{issuer}/{JWKS_FILE}"}
    jwks = {"keys": [keys.public_jwk(key, keys.kid_of(key, KidForm.UPSTREAM)) for key in public]}
    return {DISCOVERY_PATH.lstrip("/"): document, JWKS_FILE: jwks}


def public_key(pem: bytes) -> RSAPublicKey:
    """Raises BadExport for anything but an RSA public key, and with a warning for a private key."""
    if b"PRIVATE KEY" in pem:
        raise BadExport(
            "This is a private key. Never publish or copy it: with it, anyone can assume every role of the cluster. "
            "Make the public key on the machine where it is: openssl rsa -in sa-signer.key -pubout -out sa-signer.pub"
        )
    try:
        found = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise BadExport("This is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----.") from error
    if not isinstance(found, RSAPublicKey):
        raise BadExport(
            "This is not an RSA key. The pod identity tools and EKS use RS256: make an RSA key of 2048 bits."
        )
    return found


def trust_policy(arguments: argparse.Namespace) -> dict[str, Any]:
    name = issuer_prefix(arguments.issuer)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:{arguments.partition}:iam::{arguments.account}:oidc-provider/{name}"},
                "Action": ASSUME_ROLE_WITH_WEB_IDENTITY,
                "Condition": {
                    "StringEquals": {
                        f"{name}:aud": arguments.audience,
                        f"{name}:sub": f"system:serviceaccount:{arguments.service_account}",
                    }
                },
            }
        ],
    }


def instructions(arguments: argparse.Namespace) -> str:
    """What to do with the files, in the right order."""
    key_files = "\n".join(f"  --service-account-key-file={path}" for path in arguments.key)
    return f"""\
1. Publish these files, and check both with curl from outside:
  {arguments.out / DISCOVERY_PATH.lstrip("/")}  ->  {arguments.issuer}{DISCOVERY_PATH}
  {arguments.out / JWKS_FILE}  ->  {arguments.issuer}/{JWKS_FILE}

2. Register the issuer with IAM, once:
  aws iam create-open-id-connect-provider --url {arguments.issuer} --client-id-list {arguments.audience}

3. Start kube-apiserver with these flags (keep the flag of an earlier issuer, after this one):
  --service-account-issuer={arguments.issuer}
{key_files}
  --service-account-signing-key-file=<the private key of the first>
  --api-audiences=kubernetes.svc.default

4. Give the role this trust policy:
{json.dumps(trust_policy(arguments), indent=2)}"""
