"""The JSON of `/readyz` and `/status.json`, from a snapshot. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sidecar.admin.amounts import tenths
from sidecar.admin.health import health
from sidecar.core.model import Seconds, UnixTime
from sidecar.core.timestamps import timestamp
from sidecar.observe.snapshot import (
    ClientSnapshot,
    ConfigFileSnapshot,
    ErrorSnapshot,
    ExpiredSession,
    FaceSnapshot,
    HistorySnapshot,
    Readiness,
    RefreshSnapshot,
    RefusalSnapshot,
    RoleSnapshot,
    SessionSnapshot,
    Snapshot,
    TokenSnapshot,
)
from sidecar.settings.given import EffectiveSetting

JsonObject = dict[str, Any]
Rounding = Callable[[Seconds], float]


def readiness(found: Readiness, config_file: ConfigFileSnapshot | None = None) -> JsonObject:
    """The body of `/readyz`: how the role stands that matters most, and what to fix; where there are several, also how
    each stands. Times left are in whole seconds.
    """
    role = found.role
    token = None if role.token is None else _token(role.token, round)
    return (
        _role(role, round)
        | {"ready": found.ready, "token": token}
        | _several(role, found.roles, round)
        | _config_file(config_file)
    )


def _several(shown: RoleSnapshot, roles: Sequence[RoleSnapshot], rounded: Rounding) -> JsonObject:
    """Nothing where there is only one."""
    return {"name": shown.name, "roles": [_in_short(role, rounded) for role in roles]} if len(roles) > 1 else {}


def _in_short(role: RoleSnapshot, rounded: Rounding) -> JsonObject:
    told = _role(role, rounded)
    kept = ("ready", "role", "phase", "seconds_left", "next_attempt_in", "failures", "last_error")
    state = health(role).state.value
    return {"name": role.name, "required": role.required, "state": state} | {name: told[name] for name in kept}


def status(snapshot: Snapshot) -> JsonObject:
    """The body of `/status.json`: that of `/readyz` with times left to a tenth, and how it came to it."""
    answer, role = health(snapshot.role), snapshot.role
    return {
        "state": answer.state.value,
        "headline": answer.headline,
        "explanation": answer.explanation,
        "version": snapshot.version,
        "now": timestamp(snapshot.taken_at),
        "sts": snapshot.sts_endpoint,
        "sts_by_proxy": snapshot.sts_by_proxy,
        "container_endpoint": snapshot.container_endpoint or None,
        **_role(role, tenths),
        **_several(role, snapshot.roles, tenths),
        "token": None if role.token is None else _whole_token(role.token),
        **_session(role.session),
        "expired": None if role.expired is None else _expired(role.expired),
        "next_attempt": role.next_attempt.value,
        **_history(snapshot.history),
        "token_file": None if snapshot.token_file is None else str(snapshot.token_file),
        "credentials_file": None if snapshot.credentials_file is None else str(snapshot.credentials_file),
        **_config_file(snapshot.config_file),
        "faces": [_face(face) for face in snapshot.faces],
        "settings": [_setting(setting) for setting in snapshot.settings],
    }


def _role(role: RoleSnapshot, rounded: Rounding) -> JsonObject:
    session, ahead = role.session, role.next_attempt_in
    return {
        "ready": role.ready,
        "role": role.role_arn,
        "assumed_role": None if session is None else session.assumed_role_arn or None,
        "phase": "stopping" if role.stopping else role.phase.value,
        "expiration": None if session is None else timestamp(session.expiration),
        "seconds_left": None if session is None else rounded(session.seconds_left),
        "next_attempt_in": None if math.isinf(ahead) else max(0, rounded(ahead)),
        "failures": role.failures,
        "last_error": None if role.last_error is None else _error(role.last_error),
        "refused": [_refusal(refusal, rounded) for refusal in role.refusals],
    }


def _config_file(file: ConfigFileSnapshot | None) -> JsonObject:
    """A problem has no say in being ready: the roles that the file described before are served."""
    if file is None:
        return {}
    return {
        "config_file": {
            "file": str(file.path),
            "problem": file.problem or None,
            "needs_restart": list(file.needs_restart),
        }
    }


def _session(session: SessionSnapshot | None) -> JsonObject:
    if session is None:
        return {"issued": None, "lifetime": None}
    return {"issued": timestamp(session.issued_at), "lifetime": tenths(session.lifetime)}


def _expired(session: ExpiredSession) -> JsonObject:
    return {"expiration": timestamp(session.expiration), "age": tenths(session.age)}


def _history(past: HistorySnapshot) -> JsonObject:
    failure = past.last_failure
    return {
        "refreshes": [_refresh(refresh) for refresh in past.refreshes],
        "last_success": None if past.last_success is None else _refresh(past.last_success),
        "last_failure": None if failure is None else {"age": tenths(failure.age), **_error(failure.error)},
        "rotations": past.rotations,
        "rotated_age": None if past.rotated_age is None else tenths(past.rotated_age),
    }


def _refresh(refresh: RefreshSnapshot) -> JsonObject:
    took = None if refresh.took is None else round(refresh.took, 4)
    return {"age": tenths(refresh.age), "took": took, "code": refresh.code, "request_id": refresh.request_id}


def _error(error: ErrorSnapshot) -> JsonObject:
    """STS's own words for it only where STS was asked."""
    fields = asdict(error) | {"retry": error.retry.value}
    return {name: value for name, value in fields.items() if value is not None}


def _refusal(refused: RefusalSnapshot, rounded: Rounding) -> JsonObject:
    client = {"face": refused.protocol, "sdk": refused.sdk.family, "major": refused.sdk.major}
    what = {"status": refused.status, **asdict(refused.refusal)}
    return client | what | {"times": refused.times, "age": rounded(refused.age)}


def _token(token: TokenSnapshot, rounded: Rounding) -> JsonObject:
    claims, left = token.claims, token.seconds_left
    return {
        "issuer": claims.issuer,
        "subject": claims.subject,
        "audiences": list(claims.audiences),
        "expiration": _timestamp(token.expires_at),
        "seconds_left": None if left is None else rounded(left),
    }


def _whole_token(token: TokenSnapshot) -> JsonObject:
    claims = token.claims
    return _token(token, tenths) | {
        "issued": _timestamp(token.issued_at),
        "namespace": claims.namespace,
        "service_account": claims.service_account,
        "pod": claims.pod,
    }


def _face(face: FaceSnapshot) -> JsonObject:
    return {
        "face": face.name,
        "addresses": list(face.addresses),
        "clients": [_client(client) for client in face.clients],
    }


def _client(client: ClientSnapshot) -> JsonObject:
    fields = {"protocol": client.protocol, "sdk": client.sdk.family, "major": client.sdk.major}
    return fields | {
        "requests": client.requests,
        "served": client.served,
        "refused": client.refused,
        "age": tenths(client.age),
    }


def _setting(setting: EffectiveSetting) -> JsonObject:
    return {"variable": setting.variable, "value": setting.text, "given_by": setting.given_by}


def _timestamp(moment: UnixTime | None) -> str | None:
    return None if moment is None else timestamp(moment)
