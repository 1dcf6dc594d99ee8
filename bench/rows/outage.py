"""STS answers once and is gone. A client asks once a second until the credentials have expired, and after.

All servers at a time, in the background of everything else: it takes as long as the credentials live.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.asking import ask
from bench.launch import Server
from bench.stand import Stand, a_stand

MARGIN = 6
"""Seconds before the end within which nobody should still get credentials: a request signed with them must arrive."""
LAST = 600
"""The last ten minutes of a credential's life."""
AFTERWARDS = 3
PATIENCE = 2
"""Seconds that botocore waits for an answer."""


@dataclass(frozen=True, slots=True)
class Poll:
    """`left` is what was left of the credentials' life when the client asked, in seconds."""

    left: float
    status: int
    expired: bool


async def measured(
    server: Server, directory: Path, life: int, token_bytes: int, under_way: asyncio.Event
) -> dict[str, Any]:
    """Sets `under_way` once the server is up. Raises `DidNotStart`."""
    async with a_stand(server, directory, life=life, token_bytes=token_bytes) as stand:
        stand.world.faults.start("http-500", "xml")
        under_way.set()
        return _row(server, life, await _polls(stand, stand.first.expires_at))


async def _polls(stand: Stand, ends: float) -> list[Poll]:
    polls: list[Poll] = []
    while not polls or polls[-1].left > -AFTERWARDS:
        now = time.time()
        answer = await asyncio.to_thread(ask, stand.port, stand.request, PATIENCE)
        expired = answer.status == 200 and answer.expires_at <= time.time()
        polls.append(Poll(ends - now, answer.status, expired))
        await asyncio.sleep(max(0.0, now + 1 - time.time()))
    return polls


def _row(server: Server, life: int, polls: Sequence[Poll]) -> dict[str, Any]:
    due = [poll for poll in polls if MARGIN < poll.left <= LAST]
    after = next(poll for poll in polls if poll.left <= -1)
    good = [poll.left for poll in polls if poll.status == 200]
    return {
        "server": server.name,
        "life": life,
        "polls": len(due),
        "errors": sum(poll.status != 200 for poll in due),
        "last_good_answer_s_before_the_end": round(min(good), 1) if good else None,
        "status_one_second_after": after.status,
        "expired_credentials_served": sum(poll.expired for poll in polls),
    }
