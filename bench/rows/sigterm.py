"""SIGTERM while clients are asking: what becomes of the requests that are under way, and of those that come after."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.launch import Server
from bench.load import Sample, generating, samples
from bench.stand import a_stand

CLIENTS = 16
ASKED_AFTER, LENGTH = 0.8, 3.0


async def measured(server: Server, directory: Path, token_bytes: int, *, keep: bool) -> dict[str, Any]:
    """Raises `DidNotStart`."""
    async with a_stand(server, directory, token_bytes=token_bytes) as stand:
        file = directory / "samples"
        options = ("-clients", str(CLIENTS), "-for", f"{LENGTH}s", "-until-refused", "-timeout", "2s")
        async with generating(stand.target, *options, "-samples", str(file), keep=keep) as load:
            await asyncio.sleep(ASKED_AFTER)
            with contextlib.suppress(ProcessLookupError):
                os.kill(stand.pid, signal.SIGTERM)
            at = time.time()
            await load
        return _row(server, samples(file), at) | {"connections": "kept" if keep else "new"}


def _row(server: Server, seen: Sequence[Sample], at: float) -> dict[str, Any]:
    under_way = [sample for sample in seen if sample.start < at < sample.end]
    later = [sample for sample in seen if sample.start >= at]
    return {
        "server": server.name,
        "under_way": len(under_way),
        "errors_under_way": _errors(under_way),
        "answered_later": sum(sample.outcome == "ok" for sample in later),
        "errors_later": _errors(later),
    }


def _errors(of: Sequence[Sample]) -> dict[str, int]:
    """What went wrong. That nobody listens any more is no error: it is what was asked for."""
    return dict(Counter(sample.outcome for sample in of if sample.outcome not in ("ok", "refused")))
