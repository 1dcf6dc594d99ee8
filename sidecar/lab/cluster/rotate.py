"""One rotation of the signing key on request, right or wrong, for the command and for the control API."""

import math
from collections.abc import Callable, Mapping, Sequence

from sidecar.lab.cluster import rotation
from sidecar.lab.cluster.rotation import KeyRing, Tenure

Rotation = Callable[[Sequence[Tenure], str, float, float, float], tuple[Tenure, ...]]

WAYS: Mapping[str, Rotation] = {
    "well": lambda tenures, kid, now, wait, keep: rotation.rotate_well(tenures, kid, now, wait=wait, keep=keep),
    "sign-before-publish": lambda tenures, kid, now, wait, keep: rotation.sign_before_publishing(
        tenures, kid, now, wait=wait, keep=keep
    ),
    "drop-old-now": lambda tenures, kid, now, _wait, _keep: rotation.drop_the_old_at_once(tenures, kid, now),
}


class BadRotation(ValueError):
    """No such way to rotate, or times that make no sense."""


def rotate(
    ring: KeyRing, now: float, how: str = "well", *, wait: float | None = None, keep: float | None = None
) -> str:
    """Rotates and returns the new key's id. `wait` and `keep` in seconds, see `rotation`. Raises BadRotation."""
    if how not in WAYS:
        raise BadRotation(f"There is no way to rotate called {how!r}. There are: {', '.join(WAYS)}.")
    waiting = rotation.WAIT if wait is None else wait
    keeping = rotation.KEEP if keep is None else keep
    for name, value in (("wait", waiting), ("keep", keeping)):
        if not 0 <= value < math.inf:
            raise BadRotation(f"{name} is {value!r}; write a number of seconds, 0 or more.")
    kid = ring.new_kid()
    ring.replace(WAYS[how](ring.tenures, kid, now, waiting, keeping))
    return kid
