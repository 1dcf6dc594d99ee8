"""The fleet and its Prometheus, once for all tests that ask it."""

from collections.abc import Iterator

import pytest

from sidecar.lab.faults import Faults
from tests.monitoring.fleet import PLANS, applications, pods, sidecars, until_it_answers
from tests.monitoring.labs import labs
from tests.monitoring.prometheus import Prometheus, prometheus
from tests.needs import needs


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has watched the fleet from its first second."""
    needs("prometheus")
    directory, fleet = tmp_path_factory.mktemp("fleet"), pods()
    with (
        labs(directory, PLANS) as worlds,
        prometheus(fleet, directory) as running,
        applications(fleet),
        sidecars(fleet, worlds, directory),
    ):
        for pod in fleet:
            if pod.lab == "throttled":
                until_it_answers(f"http://{pod.admin}/readyz", directory / f"{pod.name}.log")
        Faults(worlds["throttled"].state).start("throttle")
        yield running
