"""Every test of HTTP runs on asyncio's loop, which the service uses, and on uvloop: nothing depends on which it is."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from sidecar.event_loop import Loop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": Loop, "uvloop": uvloop.new_event_loop}
