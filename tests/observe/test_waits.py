"""Requests that wait for an attempt under way are counted, and no others."""

import asyncio
import contextlib

from sidecar.core.errors import NoCredentials
from sidecar.observe.metrics import Metrics
from tests.core.broker.trouble import NOT_TRUSTED
from tests.doubles import Outcome, Pod
from tests.virtual_time import in_virtual_time


class Counting:
    """A pod whose waits are counted."""

    def __init__(self, *outcomes: Outcome, takes: float = 0.5) -> None:
        self._metrics = Metrics()
        self.pod = Pod(*outcomes, takes=takes, waits=self._metrics.waits)

    def counted(self) -> tuple[float | None, float | None]:
        """All that ever waited, and those that do now."""
        value = self._metrics.registry.get_sample_value
        return value("irsa_sidecar_waits_total"), value("irsa_sidecar_waiting_requests")


@in_virtual_time
async def test_requests_before_the_first_credential_wait_and_then_do_not() -> None:
    counting = Counting()
    pod = counting.pod
    async with pod.running():
        clients = [asyncio.create_task(pod.broker.credentials()) for _ in range(3)]
        await pod.until(0.25)
        assert counting.counted() == (3, 3)
        await asyncio.gather(*clients)
        assert counting.counted() == (3, 0)
        await pod.broker.credentials()
        assert counting.counted() == (3, 0)


@in_virtual_time
async def test_one_that_is_refused_after_waiting_has_waited() -> None:
    counting = Counting(NOT_TRUSTED)
    async with counting.pod.running():
        await counting.pod.refusal()
        assert counting.counted() == (1, 0)


@in_virtual_time
async def test_one_that_is_refused_at_once_has_not() -> None:
    counting = Counting(NOT_TRUSTED)
    async with counting.pod.running():
        await counting.pod.until(1)
        await counting.pod.refusal()
        assert counting.counted() == (0, 0)


@in_virtual_time
async def test_one_whose_patience_ends_or_who_hangs_up_waits_no_longer() -> None:
    counting = Counting(takes=60)
    pod = counting.pod
    async with pod.running():
        gone = asyncio.create_task(pod.broker.credentials())
        await pod.until(0.1)
        gone.cancel()
        with contextlib.suppress(NoCredentials):
            await pod.broker.credentials()
        assert counting.counted() == (2, 0)
