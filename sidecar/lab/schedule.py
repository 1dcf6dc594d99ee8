"""What the lab does by itself: keys rotate, and changes of files are noticed and told."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from sidecar.lab import rotation
from sidecar.lab.events import Changed, Observer
from sidecar.lab.faults import Faults
from sidecar.lab.lined_yaml import BadFile
from sidecar.lab.projector import Projection
from sidecar.lab.rotation import KeyRing
from sidecar.lab.state import State, stamp_of
from sidecar.lab.view import IamFile

NAP = 60.0
"""Longest sleep in seconds: a wall clock may jump."""
GLANCE = 0.25
"""Seconds between two looks at the state directory, which another process may have changed."""

_TOUCHES_TOKENS = ("token-expired", "sign-before-publish")


async def rotate_keys(
    ring: KeyRing, period: float, longest_token: float, clock: Callable[[], float], observe: Observer
) -> NoReturn:
    """Rotates the right way every `period` seconds. Waiting and keeping shrink with a period made for rehearsal."""
    wait = min(rotation.WAIT, period / 4)
    keep = min(rotation.KEEP, longest_token + wait)
    while True:
        now = clock()
        ring.forget_retired(now)
        due_at = max(tenure.publish_at for tenure in ring.tenures) + period
        if now >= due_at:
            kid = ring.new_kid()
            ring.replace(rotation.rotate_well(ring.tenures, kid, now, wait=wait, keep=keep))
            observe(Changed(f"key {kid} published; it signs in {wait:.0f} s"))
            continue
        await asyncio.sleep(min(NAP, due_at - now))


async def watch(
    state: State, iam: IamFile, faults: Faults, projections: Sequence[Projection], observe: Observer
) -> NoReturn:
    """Tells what changed in the state directory, and has tokens replaced when a fault of tokens came or went."""
    for remark in _trouble(iam):
        observe(Changed(remark))
    seen, active = stamp_of(state.iam), dict(faults.active)
    while True:
        await asyncio.sleep(GLANCE)
        if stamp_of(state.iam) != seen:
            seen = stamp_of(state.iam)
            observe(Changed(f"{state.iam.name} was read again"))
            for remark in _trouble(iam):
                observe(Changed(remark))
        now_active = dict(faults.active)
        for name in sorted({name for name, _ in now_active.items() ^ active.items()}):
            observe(Changed(_fault_sentence(name, now_active.get(name))))
            if name in _TOUCHES_TOKENS:
                for projection in projections:
                    projection.wake()
        active = now_active


def _trouble(iam: IamFile) -> Iterator[str]:
    try:
        found = iam.current()
    except BadFile as error:
        yield from map(str, error.complaints)
        return
    if iam.trouble is not None:
        yield from (f"{complaint}; the last good file still counts" for complaint in iam.trouble.complaints)
        return
    yield from map(str, found.remarks)


def _fault_sentence(name: str, value: str | None) -> str:
    if value is None:
        return f"fault {name} ended"
    return f"fault {name} started" + (f" ({value})" if value else "")
