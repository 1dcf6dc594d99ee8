"""One server for all tests of a module, in a network of their own; and sidecars beside it."""

import os
from collections.abc import Iterator

import pytest

from tests.needs import needs, without
from tests.other_sts.build import PROGRAMS
from tests.other_sts.issuer import a_public_issuer
from tests.other_sts.servers import SERVERS, Server
from tests.other_sts.sidecars import Sidecar, a_sidecar
from tests.own_network import own_network


def what_a_server_needs() -> None:
    """Skip the test where a server cannot run; where one should, in CI, fail."""
    for program in PROGRAMS:
        if not program.binary.exists():
            without(f"there is no {program.name} yet: make servers")
    needs("ip")
    if os.geteuid():
        pytest.skip("a network of its own needs root: sudo make servers")


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    what_a_server_needs()
    directory = tmp_path_factory.mktemp(request.param)
    with own_network(), a_public_issuer(directory) as issuer, SERVERS[request.param](directory, issuer) as found:
        yield found


@pytest.fixture(scope="module")
def sidecar(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with a_sidecar(server, tmp_path_factory.mktemp("pod")) as found:
        yield found
