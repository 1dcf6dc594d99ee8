"""What the event loop says of an exception that nobody caught: the place and the type, and nothing that it quotes."""

import asyncio
import gc
import io
import logging
from collections.abc import Callable

import pytest

from sidecar.event_loop import Loop
from sidecar.observe.logs import JsonLines
from tests.doubles import KEY_CANARY


def failed_task() -> None:
    async def fails() -> None:
        raise ValueError(KEY_CANARY)

    asyncio.get_running_loop().create_task(fails(), name="look up a name")


def failed_future() -> None:
    asyncio.get_running_loop().create_future().set_exception(ValueError(KEY_CANARY))


def failed_callback() -> None:
    def fails(_: str) -> None:
        raise ValueError

    asyncio.get_running_loop().call_soon(fails, KEY_CANARY)


@pytest.mark.parametrize(
    ("fail", "told"),
    [
        (failed_task, "Task exception was never retrieved: look up a name"),
        (failed_future, "Future exception was never retrieved"),
        (failed_callback, "Exception in callback"),
    ],
)
def test_what_nobody_caught_is_logged_without_its_texts(fail: Callable[[], None], told: str) -> None:
    async def run() -> None:
        fail()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()

    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonLines())
    logging.getLogger("asyncio").addHandler(handler)
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(run())
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    assert f'"event": "{told}"' in log.getvalue()
    assert KEY_CANARY not in log.getvalue()
