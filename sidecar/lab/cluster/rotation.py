"""Which key is published when and which one signs, and the ways to rotate: the right one and two wrong ones.

Right: publish the new key beside the old, wait until every cache has it, sign with it, keep the old one published for
as long as a token signed by it can live, then remove it. EKS does so every 7 days (EKS User Guide, "Fetch signing
keys"). A tenure says when; what holds at a given moment is computed, never stored.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sidecar.lab.cluster import keys
from sidecar.lab.cluster.keys import KidForm, SigningKey
from sidecar.lab.state import Reloaded, State, write

WEEK = 7 * 86400.0
WAIT = 3600.0
"""Seconds from publishing a key to signing with it: longer than anyone should cache a JWKS."""
KEEP = 86400.0 + 300
"""Seconds that an old key stays after it stopped signing: the longest life of a token on EKS, and some clock skew."""

_SPARE = "spare"


@dataclass(frozen=True, slots=True)
class Tenure:
    """A key's career, in Unix seconds. Tenures are listed in the order in which their keys were made."""

    kid: str
    publish_at: float
    sign_at: float
    retire_at: float = math.inf

    def published(self, now: float) -> bool:
        return self.publish_at <= now < self.retire_at


def signer(tenures: Sequence[Tenure], now: float) -> Tenure:
    """The key that signs now: of those whose turn has come, the newest. There is always one."""
    due = [tenure for tenure in tenures if tenure.sign_at <= now]
    return due[-1] if due else tenures[0]


def rotate_well(
    tenures: Sequence[Tenure], kid: str, now: float, *, wait: float = WAIT, keep: float = KEEP
) -> tuple[Tenure, ...]:
    """Publish, wait, sign, keep, remove."""
    return (*_retire(tenures, now + wait + keep), Tenure(kid, publish_at=now, sign_at=now + wait))


def sign_before_publishing(
    tenures: Sequence[Tenure], kid: str, now: float, *, wait: float = WAIT, keep: float = KEEP
) -> tuple[Tenure, ...]:
    """Wrong: for `wait` seconds new tokens bear a signature that nobody can check."""
    return (*_retire(tenures, now + wait + keep), Tenure(kid, publish_at=now + wait, sign_at=now))


def drop_the_old_at_once(tenures: Sequence[Tenure], kid: str, now: float) -> tuple[Tenure, ...]:
    """Wrong: every token that is in use becomes worthless at this moment."""
    return (*_retire(tenures, now), Tenure(kid, publish_at=now, sign_at=now))


def _retire(tenures: Sequence[Tenure], at: float) -> tuple[Tenure, ...]:
    return tuple(replace(tenure, retire_at=min(tenure.retire_at, at)) for tenure in tenures)


class KeyRing:
    """The tenures and keys of one issuer, in files. Made on first use with one key."""

    def __init__(self, state: State, form: KidForm = KidForm.EKS) -> None:
        self._directory = state.keys
        self._form = form
        self._tenures = Reloaded(state.keys / "ring.json", _read)
        self._loaded: dict[str, SigningKey] = {}

    @property
    def tenures(self) -> tuple[Tenure, ...]:
        return self._tenures.current()

    def ensure(self, now: float) -> None:
        if not self.tenures:
            self.replace((Tenure(self.new_kid(), publish_at=now, sign_at=now),))

    def new_kid(self) -> str:
        """Makes a key, saves it and returns its id. It has no tenure yet."""
        key = keys.generate(self._form)
        keys.save(key, self._directory)
        self._loaded[key.kid] = key
        return key.kid

    def replace(self, tenures: Sequence[Tenure]) -> None:
        write(self._tenures.path, json.dumps([_as_json(tenure) for tenure in tenures], indent=2).encode())

    def forget_retired(self, now: float) -> None:
        """Removes the keys whose tenure is over."""
        over = [tenure for tenure in self.tenures if tenure.retire_at <= now]
        if over:
            self.replace([tenure for tenure in self.tenures if tenure not in over])
        for tenure in over:
            (self._directory / f"{tenure.kid}.pem").unlink(missing_ok=True)

    def key(self, kid: str) -> SigningKey:
        if kid not in self._loaded:
            self._loaded[kid] = keys.load(self._directory, kid)
        return self._loaded[kid]

    def has_spare(self) -> bool:
        return (self._directory / f"{_SPARE}.pem").exists()

    def spare(self) -> SigningKey:
        """A key beside all tenures, for rehearsing a bad rotation. Made on first use."""
        if not self.has_spare():
            keys.save(replace(keys.generate(self._form), kid=_SPARE), self._directory)
        spare = self.key(_SPARE)
        return replace(spare, kid=keys.kid_of(spare.private.public_key(), self._form))

    def signer(self, now: float) -> SigningKey:
        return self.key(signer(self.tenures, now).kid)

    def published(self, now: float) -> list[SigningKey]:
        return [self.key(tenure.kid) for tenure in self.tenures if tenure.published(now)]


def _as_json(tenure: Tenure) -> dict[str, str | float | None]:
    return {name: None if value == math.inf else value for name, value in asdict(tenure).items()}


def _read(content: bytes) -> tuple[Tenure, ...]:
    return tuple(
        Tenure(
            item["kid"],
            item["publish_at"],
            item["sign_at"],
            math.inf if item["retire_at"] is None else item["retire_at"],
        )
        for item in json.loads(content or b"[]")
    )
