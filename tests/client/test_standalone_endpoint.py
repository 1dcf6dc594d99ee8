"""`credential-process` and `exec` where no sidecar runs, and EKS Pod Identity is the source."""

import asyncio
from pathlib import Path

import pytest

from sidecar.client.running_sidecar import NotServed
from sidecar.client.standalone import exchanged
from sidecar.core.errors import AssociationMissing
from tests.lab.worlds import FREE, a_lab


async def test_the_endpoint_is_asked_once(tmp_path: Path) -> None:
    async with a_lab(tmp_path, agent=FREE) as world:
        environ = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.lab.agent_url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(world.lab.state.volume("default", "old-app") / "token"),
        }
        with_one = world.lab.state.associations.read_text()
        world.lab.state.associations.write_text("associations: []\n")
        with pytest.raises(AssociationMissing):
            await asyncio.to_thread(exchanged, environ)
        world.lab.state.associations.write_text(with_one)
        found = await asyncio.to_thread(exchanged, environ)
        assert found.access_key_id.startswith("ASIA")


def test_the_absent_sidecars_own_address_is_no_source() -> None:
    with pytest.raises(NotServed, match="it would ask itself"):
        exchanged({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9911/v1/credentials"})
