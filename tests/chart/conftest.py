"""Each test of the chart asks both Helms."""

from pathlib import Path

import pytest

from tests.chart.helm import VERSIONS, Helm, a_helm


@pytest.fixture(params=VERSIONS, ids=lambda version: f"helm{version}")
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    return a_helm(tmp_path, request.param)
