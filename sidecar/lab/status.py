"""The status of the lab, read from its state directory. It holds no secret."""

import json
import os
from typing import Any

from sidecar.lab.aws.answers import timestamp
from sidecar.lab.aws.iam_file import IamFile
from sidecar.lab.cluster import key_tenures
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_tenures import Tenure, signer
from sidecar.lab.faults import FAULTS, Faults
from sidecar.lab.state import StateDirectory
from sidecar.lab.yaml_file import BadFile


def status(state: StateDirectory, now: float) -> dict[str, Any]:
    """Addresses, faults, keys, and IAM with the remarks of its lint."""
    return {
        "state": str(state.root),
        "running": _running(state),
        "faults": [
            {"name": name, "value": value, "what": FAULTS[name].what, "undo": f"irsa-sidecar lab fault {name} --off"}
            for name, value in Faults(state).active.items()
        ],
        "keys": _keys(KeyRing(state).tenures, now),
        **_iam(state),
    }


def _running(state: StateDirectory) -> dict[str, Any] | None:
    """None if no lab runs, even if one was killed before it could remove its file."""
    try:
        found: dict[str, Any] = json.loads(state.running.read_text())
        os.kill(found["pid"], 0)
    except PermissionError:
        return found  # another user's process, but a process
    except (FileNotFoundError, ProcessLookupError):
        return None
    return found


def _keys(tenures: tuple[Tenure, ...], now: float) -> list[dict[str, Any]]:
    signing = signer(tenures, now).kid if tenures else ""
    published = key_tenures.published(tenures, now)
    return [
        {
            "kid": tenure.kid,
            "published": tenure in published,
            "signs": tenure.kid == signing,
            "publishAt": timestamp(tenure.publish_at),
            "signAt": timestamp(tenure.sign_at),
            "retireAt": None if tenure.retire_at == float("inf") else timestamp(tenure.retire_at),
        }
        for tenure in tenures
    ]


def _iam(state: StateDirectory) -> dict[str, Any]:
    if not state.iam.exists():
        return {"providers": [], "roles": [], "remarks": []}
    try:
        iam = IamFile(state).current()
    except BadFile as error:
        return {"providers": [], "roles": [], "remarks": list(map(str, error.complaints))}
    return {
        "providers": [provider.arn for provider in iam.providers],
        "roles": [str(role.arn) for role in iam.roles],
        "remarks": list(map(str, iam.remarks)),
    }
