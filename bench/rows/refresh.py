"""Latency while a refresh is under way, beside the latency between refreshes, in one run at a fixed rate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figures import quantile
from bench.launch import Server
from bench.load import Sample, generate, samples
from bench.plan import Plan
from bench.stand import a_stand

RATE = 900
BEFORE, AFTER = 0.030, 0.015
"""A refresh is under way from so long before STS is about to answer until so long after it. The call takes a few
milliseconds here; the rest is reading the token, connecting, and taking the answer in."""


async def measured(server: Server, directory: Path, plan: Plan, token_bytes: int) -> dict[str, Any]:
    """Raises `DidNotStart`."""
    async with a_stand(server, directory, token_bytes=token_bytes, life=server.refresh_life, refreshing=True) as stand:
        file = directory / "samples"
        options = ("-clients", "64", "-rate", str(RATE), "-warm", "0.5s", "-for", f"{plan.refresh_for}s")
        load = await generate(stand.target, *options, "-samples", str(file), keep=True)
        return _row(server, samples(file), stand.world.calls()) | {"errors": dict(load.errors)}


def _row(server: Server, seen: Sequence[Sample], calls: Sequence[float]) -> dict[str, Any]:
    during = [sample.took * 1000 for sample in seen if _is_during(sample, calls)]
    between = [sample.took * 1000 for sample in seen if not _is_during(sample, calls)]
    return {
        "server": server.name,
        "rate": RATE,
        "refreshes": sum(seen[0].start < call < seen[-1].start for call in calls),
        "answers_during": len(during),
        "during": {"p50": quantile(during, 0.5), "p99": quantile(during, 0.99), "max": quantile(during, 1)},
        "between": {"p50": quantile(between, 0.5), "p99": quantile(between, 0.99), "max": quantile(between, 1)},
    }


def _is_during(sample: Sample, calls: Sequence[float]) -> bool:
    return any(sample.start < call + AFTER and sample.end > call - BEFORE for call in calls)
