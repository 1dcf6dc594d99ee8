"""An HTTP client as the doctor uses it, and a lab to examine."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context
from tests.lab.worlds import World, a_lab, with_spare


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with sts_session(tls_context(None)) as session:
        yield session


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_lab(tmp_path / "lab") as lab:
        with_spare(tmp_path / "lab")
        yield lab
