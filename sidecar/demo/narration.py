"""Describes an event of the demo in one sentence. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.lab.events import Answered, LabEvent, TokenProjected

COLUMN = 48
"""Characters."""
NOTHING = "It has nothing to serve."


def log_fields(line: str) -> dict[str, Any] | None:
    """The fields of a log line; None for any other line."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "event" in fields else None


def of_lab(event: LabEvent) -> tuple[str, str] | None:
    """Which part of the lab did it, and what; None for what is not shown."""
    match event:
        case TokenProjected(kid=kid, issued_at=issued_at, expires_at=expires_at):
            return "kubelet", f"wrote a token: valid for {expires_at - issued_at:.0f} s, signed with key {kid[:8]}…"
        case Answered(status=status, code=code, why=why) if code:
            return "aws", f"refused: {status} {code} {why}"
    return None


def of_sidecar(fields: Mapping[str, Any]) -> str | None:
    """What it did; for a role of a profile, with its name."""
    told = _of_role(fields)
    return f"for {fields['role']} it {told}" if told and "role" in fields else told


def _of_role(fields: Mapping[str, Any]) -> str | None:
    match fields["event"]:
        case "credentials issued":
            return (
                f"has new credentials: key {fields['access_key_id']}, valid for {fields['expires_in']} s, "
                f"next refresh in {fields['next_attempt_in']} s"
            )
        case "token rotated" if fields["next_attempt"] == "at once":
            return "read the new token, and uses it at once"
        case "token rotated":
            return "read the new token; its credentials are still valid, so it does not call STS"
        case "refresh failed":
            valid = fields["credentials_valid_for"]
            has_none = fields["phase"] in {"empty", "expired"}
            serving = NOTHING if has_none else f"It serves its credentials for another {valid} s."
            return f"refresh failed: {fields['cause']} {serving}"
    return None


def of_application(fields: Mapping[str, Any]) -> str:
    if "error" in fields:
        return f"FAILED: {fields['error']}"
    return f"is {fields['who']}, with key {fields['access_key_id']}, valid for another {fields['seconds_left']} s"


def of_application_briefly(fields: Mapping[str, Any]) -> str:
    """The same for a column: the role's own part of the ARN, and the end of the key."""
    if "error" in fields:
        return f"FAILED: {fields['error']}"
    _, _, _, _, account, session = fields["who"].split(":", 5)
    role = session.split("/")[1]
    return f"{account} {role}, key …{fields['access_key_id'][-4:]}, {fields['seconds_left']} s left"


def side_by_side(columns: Sequence[str]) -> str:
    return " | ".join(f"{column:<{COLUMN}}" for column in columns).rstrip()
