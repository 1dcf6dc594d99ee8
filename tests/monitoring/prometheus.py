"""A real Prometheus on loopback, with our rules, and the questions that one asks it."""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.monitoring.fleet import PORT, Pod, a_loopback_address, process, until_it_answers
from tests.waiting import HANGS_AFTER
from tools.monitoring import RULES

JOB = "monitoring/irsa-sidecar"
NAMESPACE = "shop"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one."""

    url: str

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing, with their texts."""
        with urllib.request.urlopen(f"{self.url}/api/v1/alerts", timeout=HANGS_AFTER) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["alerts"]
            return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now. Raises AssertionError with Prometheus's words for a bad one."""
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(url, timeout=HANGS_AFTER) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        result = told["data"]["result"]
        assert isinstance(result, list), f"{expression} is no vector"
        return result

    def data(
        self, expression: str, enough: Callable[[list[dict[str, Any]]], bool] = bool, within: float = HANGS_AFTER
    ) -> list[dict[str, Any]]:
        """The same once there is a number in it, and it is `enough`."""
        deadline = time.monotonic() + within
        found: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            found = self.query(expression)
            if any(not math.isnan(float(series["value"][1])) for series in found) and enough(found):
                return found
            time.sleep(0.25)
        raise AssertionError(f"not within {within} s: {expression}, but {found}")


@contextmanager
def prometheus(fleet: tuple[Pod, ...], directory: Path) -> Iterator[Prometheus]:
    """One that scrapes `fleet`, with the labels that a PodMonitor would give."""
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(_config(fleet)))
    address = f"{a_loopback_address()}:{PORT}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    with process(command, {}, directory / "prometheus"):
        running = Prometheus(f"http://{address}")
        until_it_answers(f"{running.url}/-/ready", directory / "prometheus.log")
        yield running


def _config(fleet: tuple[Pod, ...]) -> dict[str, Any]:
    targets = [
        {
            "targets": [pod.admin],
            "labels": {
                "namespace": NAMESPACE,
                "pod": pod.name,
                "container": "irsa-sidecar",
                "endpoint": "irsa-sidecar",
            },
        }
        for pod in fleet
    ]
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": JOB, "static_configs": targets}],
    }
