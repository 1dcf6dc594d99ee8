"""The lab's background work: rotates keys, and reports changes of files and faults."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NoReturn

from sidecar.lab.aws.iam_file import IamFile
from sidecar.lab.clock import LabClock
from sidecar.lab.cluster import key_tenures
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.projector import Projection
from sidecar.lab.events import Changed, LabObserver
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory, stamp_of
from sidecar.lab.yaml_file import BadFile

MAXIMUM_SLEEP = 60.0
"""Longest sleep in seconds: a wall clock may jump."""
POLL_INTERVAL = 0.25
"""Seconds between two checks of the state directory, which another process may have changed."""

_AFFECTS_TOKENS = ("token-expired", "sign-before-publish")


async def rotate_keys(
    ring: KeyRing, period: float, longest_token: float, clock: LabClock, observe: LabObserver
) -> NoReturn:
    """Rotates correctly every `period` seconds. For a short rehearsal period, the waits shrink too."""
    wait = min(key_tenures.PUBLISH_BEFORE_SIGNING, period / 4)
    keep = min(key_tenures.KEEP_AFTER_SIGNING, longest_token + wait)
    while True:
        now = clock()
        ring.forget_retired(now)
        due_at = max(tenure.publish_at for tenure in ring.tenures) + period
        if now >= due_at:
            kid = ring.new_kid()
            ring.replace(key_tenures.rotate_well(ring.tenures, kid, now, wait=wait, keep=keep))
            observe(Changed(f"key {kid} published; it signs in {wait:.0f} s"))
            continue
        await asyncio.sleep(min(MAXIMUM_SLEEP, due_at - now))


class Watch:
    """Reports changes in the state directory, and has tokens replaced when a fault of tokens starts or ends.

    It reads the state when it is created, so that no later change is missed.
    """

    def __init__(self, state: StateDirectory, observe: LabObserver) -> None:
        self._iam = IamFile(state)
        self._iam_path = state.iam
        self._faults = Faults(state)
        self._observe = observe
        self._stamp = stamp_of(state.iam)
        self._active = dict(self._faults.active)

    async def run(self, projections: Sequence[Projection]) -> NoReturn:
        self._report_remarks()
        while True:
            await asyncio.sleep(POLL_INTERVAL)
            self._check_iam()
            if self._check_faults():
                for projection in projections:
                    projection.wake()

    def _check_iam(self) -> None:
        stamp = stamp_of(self._iam_path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._observe(Changed(f"{self._iam_path.name} was read again"))
            self._report_remarks()

    def _check_faults(self) -> bool:
        """Whether a fault that affects tokens started or ended."""
        active = dict(self._faults.active)
        changed = sorted({name for name, _ in active.items() ^ self._active.items()})
        self._active = active
        for name in changed:
            self._observe(Changed(_fault_sentence(name, active.get(name))))
        return any(name in _AFFECTS_TOKENS for name in changed)

    def _report_remarks(self) -> None:
        for remark in _trouble(self._iam):
            self._observe(Changed(remark))


def _trouble(iam: IamFile) -> Iterator[str]:
    try:
        found = iam.current()
    except BadFile as error:
        yield from map(str, error.complaints)
        return
    if iam.trouble is not None:
        yield from (f"{complaint}; the last valid file stays in use" for complaint in iam.trouble.complaints)
        return
    yield from map(str, found.remarks)


def _fault_sentence(name: str, value: str | None) -> str:
    if value is None:
        return f"fault {name} ended"
    return f"fault {name} started" + (f" ({value})" if value else "")
