"""`irsa-sidecar lab token`: issues one token. Its claims are printed; the token itself is only written to a file."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.issuer import Issuer, claims, legacy_claims
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.faults import Faults
from sidecar.lab.state import PRIVATE, StateDirectory, write
from sidecar.lab.status import status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    account = ServiceAccount()
    parser.add_argument("--namespace", default=account.namespace)
    parser.add_argument("--name", default=account.name, help="of the service account (%(default)s)")
    parser.add_argument("--audience", default=account.audience, help="(%(default)s)")
    parser.add_argument("--lifetime", type=float, default=account.lifetime, metavar="S", help="seconds (%(default)s)")
    parser.add_argument("--age", type=float, default=0.0, metavar="S", help="seconds since it was issued (%(default)s)")
    parser.add_argument("--legacy", action="store_true", help="a token as from a Secret: no audience, no expiry")
    parser.add_argument("--issuer", help="the issuer, instead of the running lab's URL")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the token here, mode 0600")
    parser.set_defaults(command=_token)


def _token(arguments: argparse.Namespace) -> str:
    state = StateDirectory(arguments.state)
    now = time.time() - arguments.age
    ring = KeyRing(state)
    if not ring.tenures:
        raise ValueError(f"{state.keys} has no signing key yet. Start `irsa-sidecar lab` first.")
    issuer = Issuer(arguments.issuer or _issuer_url(state), ring, Faults(state))
    found = _claims(arguments, issuer.url, now)
    shown = json.dumps(found, indent=2)
    if not arguments.out:
        return shown
    write(arguments.out, issuer.signer(time.time()).sign(found).encode(), PRIVATE)
    return f"{shown}\nThe token is in {arguments.out}."


def _claims(arguments: argparse.Namespace, issuer: str, now: float) -> dict[str, Any]:
    account = replace(ServiceAccount(), namespace=arguments.namespace, name=arguments.name)
    if arguments.legacy:
        return legacy_claims(account)
    return claims(issuer, account, arguments.audience, arguments.lifetime, now)


def _issuer_url(state: StateDirectory) -> str:
    running = status(state, time.time())["running"]
    if running is None:
        raise ValueError(
            "No lab is running with this state directory, so its URL is unknown. Start it, or pass --issuer URL."
        )
    return str(running["issuer"])
