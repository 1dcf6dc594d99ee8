"""Every test of HTTP runs on both loops: uvloop, which the service uses, and asyncio's own."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from sidecar.event_loop import Loop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": Loop}
