"""Rotates the signing key on request, the right way or a wrong one, for the command and for the control API."""

import math
from collections.abc import Callable, Mapping, Sequence

from sidecar.lab.cluster import key_tenures
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_tenures import Tenure

Rotation = Callable[[Sequence[Tenure], str, float, float, float], tuple[Tenure, ...]]

WAYS_TO_ROTATE: Mapping[str, Rotation] = {
    "well": lambda tenures, kid, now, wait, keep: key_tenures.rotate_well(tenures, kid, now, wait=wait, keep=keep),
    "sign-before-publish": lambda tenures, kid, now, wait, keep: key_tenures.sign_before_publishing(
        tenures, kid, now, wait=wait, keep=keep
    ),
    "drop-old-now": lambda tenures, kid, now, _wait, _keep: key_tenures.drop_old_at_once(tenures, kid, now),
}


class BadRotation(ValueError):
    """An unknown way to rotate, or unusable times."""


def rotate(
    ring: KeyRing, now: float, how: str = "well", *, wait: float | None = None, keep: float | None = None
) -> str:
    """Rotates and returns the new key's id. `wait` and `keep` in seconds, see `key_tenures`. Raises BadRotation."""
    if how not in WAYS_TO_ROTATE:
        raise BadRotation(f"There is no rotation called {how!r}. Known: {', '.join(WAYS_TO_ROTATE)}.")
    waiting = key_tenures.PUBLISH_BEFORE_SIGNING if wait is None else wait
    keeping = key_tenures.KEEP_AFTER_SIGNING if keep is None else keep
    for name, value in (("wait", waiting), ("keep", keeping)):
        if not 0 <= value < math.inf:
            raise BadRotation(f"{name} is {value!r}; write a number of seconds, 0 or more.")
    kid = ring.new_kid()
    ring.replace(WAYS_TO_ROTATE[how](ring.tenures, kid, now, waiting, keeping))
    return kid
