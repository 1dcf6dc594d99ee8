"""All that `/status` shows, as JSON-ready values: `/readyz`'s body, and what led to it. No secret is in it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sidecar import __version__
from sidecar.admin.verdict import verdict
from sidecar.core.model import Instant, Token, UnixTime
from sidecar.core.timestamps import timestamp
from sidecar.observe.history import History, Refresh
from sidecar.observe.snapshot import Board, described
from sidecar.observe.usage import Usage, Use
from sidecar.settings.config import Config


@dataclass(frozen=True, slots=True)
class Status:
    """What a person wants to know of this sidecar. Ages and times left are in seconds, to a tenth, to count on from."""

    board: Board
    history: History
    usage: Usage
    config: Config

    def document(self) -> dict[str, Any]:
        board = self.board
        snapshot = board.snapshot()
        answer = verdict(snapshot, alive=board.alive)
        document: dict[str, Any] = {
            "state": answer.state.value,
            "headline": answer.headline,
            "explanation": answer.explanation,
            "version": __version__,
            "now": timestamp(board.clock.wall()),
            "sts": self.config.sts_endpoint,
            "sts_by_proxy": self.config.proxy is not None,
        }
        document |= snapshot | self._session() | self._next_attempt() | self._past()
        document["token"] = _token(snapshot["token"], board.token(), board.clock.wall())
        file = self.config.credentials_file
        document |= {"token_file": str(self.config.token_file), "credentials_file": None if file is None else str(file)}
        document["faces"] = list(self._faces())
        return document | {"settings": list(self._settings())}

    def _next_attempt(self) -> dict[str, Any]:
        attempt_at, now = self.board.role.state.attempt_at, self.board.clock.now()
        if attempt_at <= now:
            return {"next_attempt": "under way"}
        if math.isinf(attempt_at):
            return {"next_attempt": "waits for a new token"}
        return {"next_attempt": "planned", "next_attempt_in": round(attempt_at - now, 1)}

    def _session(self) -> dict[str, Any]:
        held = self.board.role.usable()
        if held is None:  # as of now: the snapshot may have been taken a moment before the end
            return dict.fromkeys(("assumed_role", "issued", "expiration", "lifetime", "seconds_left"))
        return {
            "issued": timestamp(held.expiration - held.lifetime),
            "lifetime": round(held.lifetime, 1),
            "seconds_left": round(held.expires_at - self.board.clock.now(), 1),
        }

    def _past(self) -> dict[str, Any]:
        past, failure = self.history, self.history.last_failure
        return {
            "refreshes": [self._refresh(refresh) for refresh in past.refreshes],
            "last_success": None if past.last_success is None else self._refresh(past.last_success),
            "last_failure": None if failure is None else {"age": self._age(failure.at)} | described(failure.error),
            "rotations": past.rotations,
            "rotated_age": None if past.rotated_at is None else self._age(past.rotated_at),
        }

    def _refresh(self, refresh: Refresh) -> dict[str, Any]:
        told = {"age": self._age(refresh.at), "took": refresh.took and round(refresh.took, 4)}
        return told | {"code": refresh.code, "request_id": refresh.request_id}

    def _age(self, at: Instant) -> float:
        return round(self.board.clock.now() - at, 1)

    def _faces(self) -> Iterator[dict[str, Any]]:
        uses, config = self.usage.uses(), self.config
        for name, addresses in (
            ("container", config.listen),
            ("ecs", config.ecs_listen),
            ("imds", config.imds_listen),
        ):
            clients = [self._use(use) for use in uses if use.protocol.partition("-")[0] == name]
            yield {"face": name, "addresses": [str(address) for address in addresses], "clients": clients}

    def _use(self, use: Use) -> dict[str, Any]:
        told = {"protocol": use.protocol, "sdk": use.sdk.family, "major": use.sdk.major}
        return told | {"requests": use.requests, "age": self._age(use.last_at)}

    def _settings(self) -> Iterator[dict[str, Any]]:
        for setting in self.config.in_force:
            yield {"variable": setting.variable, "value": setting.text, "given_by": setting.given_by}


def _token(told: dict[str, Any] | None, token: Token | None, wall: UnixTime) -> dict[str, Any] | None:
    if told is None or token is None:
        return None
    claims = token.claims
    return told | {
        "seconds_left": None if math.isinf(claims.expires_at) else round(claims.expires_at - wall, 1),
        "issued": None if math.isinf(claims.issued_at) else timestamp(claims.issued_at),
        "namespace": claims.namespace,
        "service_account": claims.service_account,
        "pod": claims.pod,
    }
