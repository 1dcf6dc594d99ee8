"""docs/monitoring.md is run: its rehearsal, command by command, with seconds for its minutes."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.lab.test_docs import in_the_background, run
from tests.monitoring.fleet import CHANCE, until_it_answers
from tests.monitoring.test_rules import promtool
from tests.needs import needs
from tools import metrics_page
from tools.monitoring import MANIFESTS, RULES

PAGE = (MANIFESTS.parents[1] / "docs" / "monitoring.md").read_text()
BLOCKS: list[tuple[str, str, str]] = re.findall(r"```(\w+)(?: (\w+))?\n(.*?)```", PAGE, re.DOTALL)
SESSIONS_LIVE = "--session-lifetime 120"


class Quickly:
    """The page's text and the manifests, for other ports, with seconds instead of minutes.

    The ports are below those that the kernel gives to connections, so that none of them is in the way.
    """

    def __init__(self) -> None:
        self._hundred = CHANCE.randrange(200, 320)

    def port(self, port: int) -> int:
        """The port that stands for one of the page's, which begin with 99."""
        return self._hundred * 100 + port % 100

    def text(self, text: str) -> str:
        return text.replace("127.0.0.1:99", f"127.0.0.1:{self._hundred}").replace("sleep 5", "sleep 0.3")

    def block(self, name: str) -> str:
        return self.text(next(text for _, given, text in BLOCKS if given == name))

    def lab(self) -> str:
        ports = {"issuer": 9921, "sts": 9922, "control": 9923}
        listen = " ".join(f"--{name}-listen 127.0.0.1:{self.port(port)}" for name, port in ports.items())
        command = self.block("lab")
        assert SESSIONS_LIVE in command
        return command.replace(SESSIONS_LIVE, f"{listen} --session-lifetime 14")

    def environment(self, home: Path) -> dict[str, str]:
        return {
            "HOME": str(home),
            "TMPDIR": str(home),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "SIDECAR_LISTEN": f"127.0.0.1:{self.port(9911)}",
            "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{self.port(9912)}",
        }

    def manifests(self, to: Path) -> None:
        shutil.copytree(MANIFESTS, to)
        rules = to / RULES.name
        rules.write_text(re.sub(r"for: (\d+)m", r"for: \1s", rules.read_text()))
        config = to / "lab.prometheus.yml"
        config.write_text(self.text(config.read_text()).replace("interval: 5s", "interval: 300ms"))

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{self.port(port)}"


def rehearsal() -> list[tuple[str, str, str]]:
    """The blocks up to the part about clusters."""
    end = PAGE.count("```", 0, PAGE.index("## In a cluster")) // 2
    return BLOCKS[:end]


def test_the_rehearsal_ends_with_a_firing_alert_and_with_its_end(tmp_path: Path) -> None:
    needs("prometheus", "promtool")
    quickly, said, shown = Quickly(), "", 0
    quickly.manifests(tmp_path / "manifests" / "monitoring")
    environment = quickly.environment(tmp_path)
    with in_the_background(quickly.lab(), environment, tmp_path):
        until_it_answers(quickly.url(9923) + "/status")
        with (
            in_the_background(quickly.block("sidecar"), environment, tmp_path) as sidecar,
            in_the_background(quickly.block("prometheus"), environment, tmp_path) as prometheus,
        ):
            until_it_answers(quickly.url(9912) + "/livez")
            until_it_answers(quickly.url(9930) + "/-/ready")
            for language, name, text in rehearsal():
                if language == "sh" and not name:
                    said = run(quickly.text(text), environment, tmp_path)
                if language == "text":
                    missing = [line for line in text.strip().splitlines() if line not in said]
                    assert not missing, said
                    shown += 1
            assert shown == 3
            assert (sidecar.poll(), prometheus.poll()) == (None, None)


def test_prometheus_takes_the_configuration_of_the_rehearsal() -> None:
    assert "SUCCESS" in promtool("check", "config", MANIFESTS / "lab.prometheus.yml")


def test_prometheus_takes_the_scrape_configuration_for_those_without_the_operator(tmp_path: Path) -> None:
    needs("promtool")
    config, text = tmp_path / "prometheus.yml", next(text for _, name, text in BLOCKS if name == "scrape")
    discovery = "kubernetes_sd_configs: [{role: pod}]"  # which Debian's Prometheus is built without
    assert discovery in text
    config.write_text(text.replace(discovery, "static_configs: []"))
    assert "SUCCESS" in promtool("check", "config", config)


def test_it_scrapes_the_pods_that_the_pod_monitor_scrapes() -> None:
    job, _ = yaml.safe_load(next(text for _, name, text in BLOCKS if name == "scrape"))["scrape_configs"]
    monitor = yaml.safe_load((MANIFESTS / "podmonitor.yaml").read_text())["spec"]
    kept = {rule["source_labels"][0]: rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
    ((label, value),) = monitor["selector"]["matchLabels"].items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert kept == {
        f"__meta_kubernetes_pod_label_{label.replace('-', '_')}": value,
        "__meta_kubernetes_pod_container_port_name": endpoint["port"],
        **{rule["sourceLabels"][0]: rule["regex"] for rule in endpoint["relabelings"] if rule.get("action") == "keep"},
    }


def test_it_scrapes_the_webhook_that_its_pod_monitor_scrapes() -> None:
    _, job = yaml.safe_load(next(text for _, name, text in BLOCKS if name == "scrape"))["scrape_configs"]
    monitor = yaml.safe_load((MANIFESTS / "webhook-podmonitor.yaml").read_text())
    kept = {rule["source_labels"][0]: rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
    assert job["job_name"] == monitor["metadata"]["name"]
    assert kept == {
        "__meta_kubernetes_pod_label_app_kubernetes_io_name": monitor["spec"]["selector"]["matchLabels"][
            "app.kubernetes.io/name"
        ],
        "__meta_kubernetes_pod_container_port_name": monitor["spec"]["podMetricsEndpoints"][0]["port"],
    }


WORKLOADS = {
    "ReplicaSet;checkout-7c5d8": "checkout",
    "StatefulSet;queue": "queue",
    "DaemonSet;agent-a": "agent-a",
    "Job;nightly-29012345": "nightly",
    "Job;migrate-v2": "migrate-v2",
}
"""A pod's controller, by kind and name, and what its workload is called."""


@pytest.mark.parametrize("controller", WORKLOADS)
def test_a_pod_is_known_by_its_workload_with_the_operator_and_without(controller: str) -> None:
    job, _ = yaml.safe_load(next(text for _, name, text in BLOCKS if name == "scrape"))["scrape_configs"]
    monitor = yaml.safe_load((MANIFESTS / "podmonitor.yaml").read_text())["spec"]
    plain = [(rule["source_labels"], rule["regex"]) for rule in job["relabel_configs"] if _names_workload(rule)]
    (endpoint,) = monitor["podMetricsEndpoints"]
    operators = [(rule["sourceLabels"], rule["regex"]) for rule in endpoint["relabelings"] if _names_workload(rule)]
    assert plain == operators
    kind, name = controller.split(";")
    known = {"__meta_kubernetes_pod_controller_kind": kind, "__meta_kubernetes_pod_controller_name": name}
    workload = ""
    for labels, pattern in plain:
        if found := re.fullmatch(pattern, ";".join(known[label] for label in labels)):
            workload = found[1]
    assert workload == WORKLOADS[controller]


def _names_workload(rule: dict[str, str]) -> bool:
    return "workload" in {rule.get("target_label"), rule.get("targetLabel")}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)", PAGE))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (MANIFESTS.parents[1] / "docs" / link).exists()


def test_it_names_every_file_there_is() -> None:
    assert set(re.findall(r"^\| `(.*?)` \|", PAGE, re.MULTILINE)) >= {path.name for path in MANIFESTS.iterdir()}


def test_its_number_of_series_is_the_true_one() -> None:
    counts = dict(metrics_page.counts())
    assert int(counts["at worst, with one role"]) <= 250
    assert "A pod with one role has at most 250 series" in PAGE
