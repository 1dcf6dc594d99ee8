"""The signing keys of one issuer and their tenures, as files in the state directory."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace

from sidecar.lab.cluster import key_tenures, keys
from sidecar.lab.cluster.key_tenures import Tenure
from sidecar.lab.cluster.keys import KidForm, SigningKey
from sidecar.lab.state import ReloadedFile, StateDirectory, write

_SPARE = "spare"


class KeyRing:
    """The tenures and keys of one issuer, in files. `ensure` makes the first key."""

    def __init__(self, state: StateDirectory, form: KidForm = KidForm.EKS) -> None:
        self._directory = state.keys
        self._form = form
        self._tenures = ReloadedFile(state.keys / "ring.json", _read)
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
        """Removes the keys whose tenure has ended."""
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
        """A key outside all tenures, to rehearse a wrong rotation. Created on first use."""
        if not self.has_spare():
            keys.save(replace(keys.generate(self._form), kid=_SPARE), self._directory)
        spare = self.key(_SPARE)
        return replace(spare, kid=keys.kid_of(spare.private.public_key(), self._form))

    def signer(self, now: float) -> SigningKey:
        return self.key(key_tenures.signer(self.tenures, now).kid)

    def published(self, now: float) -> list[SigningKey]:
        return [self.key(tenure.kid) for tenure in key_tenures.published(self.tenures, now)]


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
