"""Every query of ours, asked of a real Prometheus that scrapes sidecars in the lab: it must have an answer."""

import re
from typing import Any

import pytest
import yaml

from tests.monitoring.inhibition import not_inhibited
from tests.monitoring.prometheus import NAMESPACE, Prometheus
from tools import dashboard, metrics_page
from tools.monitoring import RULES

GROUPS = yaml.safe_load(RULES.read_text())["groups"]
RECORDED = [rule for group in GROUPS for rule in group["rules"] if "record" in rule]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
WHO = {
    "IrsaSidecarFleetFailing": set(),  # of fewer than five pods no one says that it is the fleet
    "IrsaSidecarCredentialsExpiring": {"throttled-0", "throttled-1"},
    "IrsaSidecarNotReady": {"refused", "stale"},
    "IrsaSidecarRequestsRefused": {"healthy", "refused", "slow", "stale", "throttled-0", "throttled-1"},
    "IrsaSidecarRefreshFailing": {"refused", "stale", "throttled-0", "throttled-1"},
    "IrsaSidecarTrustRefused": {"refused"},
    "IrsaSidecarTokenNotRotating": {"stale"},
    "IrsaSidecarRefreshSlow": set(),  # the whole job's
    "IrsaSidecarStsThrottled": set(),
    "IrsaSidecarDown": {"gone"},
}
NEVER_HERE = {
    "IrsaSidecarFleetFailing",  # four pods fail
    "IrsaSidecarConfigRefused",  # none has a config file
    "IrsaSidecarNotScraped",  # all are targets
    "IrsaSidecarAbsent",  # no kube-state-metrics
    "IrsaSidecarLogLinesDropped",  # somebody reads them all
    "IrsaSidecarWebhookDown",  # no webhook, and no API server that calls it
    "IrsaSidecarWebhookUnreachable",
    "IrsaSidecarWebhookCertificateExpiring",
    "IrsaSidecarWebhookRefusing",
    "IrsaSidecarWebhookSlow",
}
"""The rules' cases make these fire."""
HERE = [rule for rule in ALERTS if rule["alert"] not in NEVER_HERE]
MAY_CHANGE = {"IrsaSidecarNotReady": {"throttled-0", "throttled-1", "slow"}}
"""Pods that are in this state for some of the time."""


PANELS = [
    pytest.param(panel["title"], target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in dashboard.model()["panels"]
    for target in panel.get("targets", [])
]
"""Each query of the dashboard."""


def as_sent(expression: str, pod: str) -> str:
    """What Grafana makes of its variables."""
    for variable, value in (("$cluster", ".*"), ("$namespace", NAMESPACE), ("$workload", ".*"), ("$pod", pod)):
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


def pods_in(found: list[dict[str, Any]]) -> set[str]:
    return {series["metric"]["pod"] for series in found if "pod" in series["metric"]}


@pytest.mark.parametrize("rule", RECORDED, ids=lambda rule: rule["record"])
def test_a_recording_rule_has_data_and_is_recorded(watched: Prometheus, rule: dict[str, str]) -> None:
    assert watched.data(rule["expr"])
    assert watched.data(rule["record"])


@pytest.mark.parametrize("rule", HERE, ids=lambda rule: rule["alert"])
def test_an_alert_is_raised_for_those_in_trouble_and_nobody_else(watched: Prometheus, rule: dict[str, str]) -> None:
    name = rule["alert"]
    watched.data(rule["expr"])
    raised = f'ALERTS{{alertname="{name}",alertstate=~"pending|firing"}}'
    least, most = WHO[name], WHO[name] | MAY_CHANGE.get(name, set())
    watched.data(raised, enough=lambda found: least <= pods_in(found) <= most)


@pytest.mark.parametrize(("title", "expression"), PANELS)
def test_a_panel_has_data(watched: Prometheus, title: str, expression: str) -> None:
    assert watched.data(as_sent(expression, pod="stale" if "Token" in title else "healthy"))


OF_SETTINGS = {"irsa_sidecar_region_issued_total", "irsa_sidecar_config_last_reload_successful"}
"""Without series unless fallback regions or a config file are set, which this fleet does without."""


@pytest.mark.parametrize("name", metrics_page.EXAMPLES)
def test_the_example_in_the_docs_is_a_query(watched: Prometheus, name: str) -> None:
    watched.query(metrics_page.EXAMPLES[name])
    assert name in OF_SETTINGS or watched.data(f'{{__name__=~"{name}(_count)?"}}')


@pytest.mark.parametrize(
    "fact",
    [
        'irsa_sidecar_credentials_valid{pod="healthy"} == 1',
        'irsa_sidecar_credentials_valid{pod="refused"} == 0',
        'irsa_sidecar_consecutive_failures{pod="healthy"} == 0',
        'irsa_sidecar_degraded_requests_total{pod="throttled-0"} > 0',
        'irsa_sidecar_degraded_requests_total{pod="stale"} == 0',  # nothing valid was ever there to serve
        'irsa_sidecar_refused_requests_total{pod="healthy",face="container"} > 3',
        'irsa_sidecar_refused_requests_total{pod="healthy",face="imds"} == 0',  # EC2 too has nothing at some paths
        'irsa_sidecar_waits_total{pod="slow"} > 0',
        'irsa_sidecar_waits_total{pod="healthy"} >= irsa_sidecar_waiting_requests',
        'irsa_sidecar_first_credential_seconds{pod="slow"} > 3',
        'abs(irsa_sidecar_sts_clock_skew_seconds{pod="healthy"}) < 2 and irsa_sidecar_sts_clock_skew_seconds != 0',
        'irsa_sidecar_refreshes_total{pod="refused",outcome="failed",code="AccessDenied"} > 0',
        'irsa_sidecar_refreshes_total{pod="stale",outcome="failed",code="TokenExpired"} > 0',
        'irsa_sidecar_exchanges_total{pod="stale",outcome="failed"} <= 2',  # once STS has told its time, none is sent
        'irsa_sidecar_exchanges_total{pod="healthy",outcome="issued"} > 1',
        'irsa_sidecar_refresh_duration_seconds_count{pod="throttled-0",outcome="failed",code="Throttling"} > 0',
        'irsa_sidecar_client_requests_total{pod="healthy",face="imds-v1",sdk="boto",major="2"} > 0',
        'irsa_sidecar_credentials_file_writes_total{pod="healthy",outcome="written"} > 1',
        'time() - irsa_sidecar_last_success_timestamp_seconds{pod="healthy"} < 30',
        'time() - irsa_sidecar_token_issued_timestamp_seconds{pod="stale"} > 3600',
        'irsa_sidecar_config_info{pod="healthy",duration="3600",region="us-east-1",sts="custom",'
        'face_container="on",face_ecs="off",face_imds="on",face_imds_v1="on",face_file="on"} == 1',
    ],
)
def test_what_a_pod_goes_through_is_told(watched: Prometheus, fact: str) -> None:
    assert watched.data(fact)


def test_prometheus_finds_no_fault_with_any_page(watched: Prometheus) -> None:
    assert watched.data('up{pod!="gone"} == 1')
    assert all(float(series["value"][1]) < 250 for series in watched.data("scrape_samples_scraped"))


def test_every_variable_of_the_dashboard_has_values(watched: Prometheus) -> None:
    found = watched.data("irsa_sidecar_build_info")
    assert {series["metric"]["namespace"] for series in found} == {NAMESPACE}
    assert pods_in(found) >= {"healthy", "refused", "slow", "stale"}


def test_the_texts_of_the_alerts_name_the_pod_and_have_no_holes(watched: Prometheus) -> None:
    for rule in HERE:
        watched.data(f'ALERTS{{alertname="{rule["alert"]}"}}')
    for alert in watched.alerts():
        said, pod = " ".join(alert["annotations"].values()), alert["labels"].get("pod", "")
        assert f"{NAMESPACE}/{pod}" in said or not pod
        assert not re.search(r"error|no value|\{\{|NaN|\$", said), said


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        ("refused", "IrsaSidecarNotReady"),
        ("stale", "IrsaSidecarNotReady"),
        ("throttled-0", "IrsaSidecarCredentialsExpiring"),
    ],
)
def test_a_pod_in_trouble_is_one_alert_of_several_that_are_raised(watched: Prometheus, pod: str, name: str) -> None:
    watched.data(f'ALERTS{{alertname="{name}",pod="{pod}"}}')
    watched.data(f'ALERTS{{alertname="IrsaSidecarRefreshFailing",pod="{pod}"}}')
    told = not_inhibited([alert["labels"] for alert in watched.alerts()])
    about = {alert["alertname"] for alert in told if alert.get("pod") == pod}
    assert about - {"IrsaSidecarRequestsRefused"} == {name}  # that its applications ask wrongly is a cause of its own
