"""Rules and alerts: promtool reads them, their cases hold, and they speak only of what there is."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.core.errors import (
    AssociationMissing,
    BaseRefused,
    ChainRefused,
    EndpointRefused,
    EndpointThrottled,
    StsThrottled,
    TrustRefused,
)
from sidecar.observe.families import FAMILIES
from sidecar.observe.labels import CHAIN_CODES, ENDPOINT_CODES, FAILURE_CODES
from sidecar.sts.aws_wordings import AWS, THROTTLED, TOKEN_EXPIRED
from sidecar.sts.chain_wordings import CHAINED
from sidecar.webhook.metrics import WebhookMetrics
from tests.manifests.pod_spec import sidecar_of
from tests.manifests.rendering import NAMES, applied
from tests.monitoring.inhibition import INHIBITION, matches, not_inhibited
from tests.needs import needs
from tools import dashboard, metrics_page, monitoring
from tools.monitoring import MANIFESTS, RULES

CASES = Path(__file__).parent / "alerts.test.yml"
RUNBOOK = (RULES.parents[2] / "docs" / "monitoring.md").read_text()
EVERY_RULE: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in EVERY_RULE if "alert" in rule]
RECORDED = {rule["record"] for rule in EVERY_RULE if "record" in rule}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
SERIES = {family.name + suffix: set(family.labels) for family in FAMILIES for suffix in SUFFIXES[family.kind]}
WEBHOOK_SERIES = {
    sample.name: set(sample.labels) for family in WebhookMetrics().registry.collect() for sample in family.samples
}
TARGET_LABELS = {"cluster", "job", "namespace", "workload", "pod", "container", "endpoint", "instance", "le"}
WEBHOOK_PAGES = {"IrsaSidecarWebhookDown", "IrsaSidecarWebhookUnreachable"}
"""Those that wake somebody wherever a pod is: none that asks starts."""
PAGES = {"IrsaSidecarCredentialsExpiring", "IrsaSidecarNotReady"}
"""The alerts of a pod that wake somebody, in production: it has no credentials, or soon will not."""
FLEET_PAGE = "IrsaSidecarFleetFailing"
NOT_PRODUCTION = "(.+-)?(dev|test|staging|sandbox|preview|demo)(-.+)?"

OTHERS = re.compile(r"max_over_time\(up\{|increase\(apiserver_admission_webhook_rejection_count\{")
"""Queries for metrics that are not ours; test_webhook_chart asks a real API server for its own."""

QUERIES = [
    *(rule["expr"] for rule in EVERY_RULE),
    *(target["expr"] for panel in dashboard.model()["panels"] for target in panel.get("targets", [])),
    *metrics_page.EXAMPLES.values(),
]

for_each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def promtool(*arguments: object) -> str:
    needs("promtool")
    ended = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_promtool_reads_the_rules() -> None:
    assert f"SUCCESS: {len(EVERY_RULE)} rules found" in promtool("check", "rules", RULES)


def test_every_case_of_firing_and_of_staying_silent_holds() -> None:
    assert "SUCCESS" in promtool("test", "rules", CASES)


@for_each_alert
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: dict[str, Any]) -> None:
    cases = CASES.read_text()
    (about,) = re.findall(rf"# --- {alert['alert']} -+\n(.*?)(?=\n  # ---|\Z)", cases, re.DOTALL)
    assert f'alertname="{alert["alert"]}"' in about
    assert "exp_samples: []" in about


@pytest.mark.parametrize("path", monitoring.FILES, ids=lambda path: path.name)
def test_what_is_made_from_other_files_is_up_to_date(path: Path) -> None:
    assert monitoring.FILES[path]() == path.read_text(), "run `make docs`"


def test_the_resource_for_the_operator_has_the_same_rules() -> None:
    resource = yaml.safe_load((MANIFESTS / "prometheusrule.yaml").read_text())
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["spec"] == yaml.safe_load(RULES.read_text())


# --- what they speak of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_metrics_that_there_are(query: str) -> None:
    asked = set(re.findall(r"(?:\w+:)?irsa_sidecar_\w+(?::\w+)?", query))
    assert asked or re.match(r"(absent\()?up\{|ALERTS\{|(rate\()?process_|\(?kube_pod_", query) or OTHERS.search(query)
    assert asked <= set(SERIES) | set(WEBHOOK_SERIES) | RECORDED


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_selects_by_labels_and_values_that_there_are(query: str) -> None:
    known = {label for family in FAMILIES for label in family.labels} | TARGET_LABELS
    for labels in re.findall(r"\b(?:by|without) \((.*?)\)", query):
        assert set(re.split(r",\s*", labels)) <= known
    for name, matchers in re.findall(r"(irsa_sidecar_\w+)\{(.*?)\}", query, re.DOTALL):
        own = set(re.findall(r"(\w+)\s*(?:=|!=)~?\"", matchers)) - TARGET_LABELS
        assert own <= (SERIES | WEBHOOK_SERIES)[name]


def test_every_code_that_an_alert_waits_for_can_come() -> None:
    waited = {code for query in QUERIES for codes in re.findall(r'code=~"(.*?)"', query) for code in codes.split("|")}
    assert waited
    assert waited < {*FAILURE_CODES, *CHAIN_CODES, *ENDPOINT_CODES}


def codes_in(record: str) -> set[str]:
    (query,) = (rule["expr"] for rule in EVERY_RULE if rule.get("record") == record)
    (codes,) = re.findall(r'code=~"(.*?)"', query)
    return set(codes.split("|"))


def test_throttling_is_told_whoever_throttles() -> None:
    own = {StsThrottled.__name__, EndpointThrottled.__name__}
    assert codes_in("pod:irsa_sidecar_throttled_refreshes:increase10m") == {*THROTTLED.aws_codes, *own}


def test_every_refusal_of_awss_that_a_person_must_end_is_told() -> None:
    """But not what expired: another alert tells of a token, and a base role renews its own credentials."""
    kinds, own = (TrustRefused, ChainRefused, BaseRefused), {AssociationMissing.__name__, EndpointRefused.__name__}
    codes = {code for row in (*AWS, *CHAINED) if row.error in kinds for code in row.aws_codes}
    assert codes_in("pod:irsa_sidecar_distrusted_refreshes:increase10m") == (codes - {*TOKEN_EXPIRED.aws_codes}) | own


# --- what they say ---------------------------------------------------------------------------------------------


@for_each_alert
def test_only_what_users_notice_wakes_somebody(alert: dict[str, Any]) -> None:
    by_namespace = (
        f'{{{{ if match "^({NOT_PRODUCTION})$" $labels.namespace }}}}warning{{{{ else }}}}critical{{{{ end }}}}'
    )
    wanted = dict.fromkeys(PAGES, by_namespace) | {FLEET_PAGE: "critical"} | dict.fromkeys(WEBHOOK_PAGES, "critical")
    assert alert["labels"] == {"severity": wanted.get(alert["alert"], "warning")}


@for_each_alert
def test_an_alert_says_what_is_wrong_and_where_to_read_on(alert: dict[str, Any]) -> None:
    said = alert["annotations"]
    assert set(said) == {"summary", "description", "runbook_url"}
    page, anchor = said["runbook_url"].split("#")
    assert re.fullmatch(r"https://.+/docs/monitoring\.md", page)
    assert anchor == alert["alert"].lower()
    assert re.search(rf"^### {alert['alert']}$", RUNBOOK, re.MULTILINE)


def test_the_runbook_has_no_alert_that_there_is_not() -> None:
    assert re.findall(r"^### (Irsa\w+)$", RUNBOOK, re.MULTILINE) == [alert["alert"] for alert in ALERTS]


@for_each_alert
def test_a_time_is_said_as_people_say_it(alert: dict[str, Any]) -> None:
    for said in alert["annotations"].values():
        assert "$value }} s" not in said
    if "seconds" in alert["expr"] and "timestamp" not in alert["expr"]:
        assert "humanizeDuration" in " ".join(alert["annotations"].values())


# --- with values of one's own ----------------------------------------------------------------------------------


def test_runbooks_and_namespaces_are_an_operators_to_set() -> None:
    ours = RULES.read_text()
    theirs = monitoring.with_values(ours, {"RUNBOOKS": "https://wiki.example/irsa", "NOT_PRODUCTION": "test|lab-.+"})
    assert "OWNER" not in theirs
    assert NOT_PRODUCTION not in theirs
    rules = [rule for group in yaml.safe_load(theirs)["groups"] for rule in group["rules"]]
    links = {rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule}
    assert links == {f"https://wiki.example/irsa#{alert['alert'].lower()}" for alert in ALERTS}
    assert theirs.count("test|lab-.+") == len(["the head", "failing pods", "all pods"]) + len(PAGES)


def test_values_can_be_set_again_and_what_is_not_given_stays() -> None:
    ours = RULES.read_text()
    theirs = monitoring.with_values(ours, {"RUNBOOKS": None, "NOT_PRODUCTION": "test"})
    assert monitoring.with_values(theirs, {"NOT_PRODUCTION": NOT_PRODUCTION}) == ours
    assert monitoring.with_values(ours, {}) == ours


# --- one cause, one alert --------------------------------------------------------------------------------------


def firing(*names: str, **labels: str) -> list[dict[str, str]]:
    return [{"alertname": name, "job": "irsa-sidecar"} | labels for name in names]


POD_A, POD_B = {"namespace": "shop", "pod": "a"}, {"namespace": "shop", "pod": "b"}
GENERAL = "IrsaSidecarRefreshFailing"


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (firing("IrsaSidecarNotReady", GENERAL, "IrsaSidecarTrustRefused", **POD_A), ["IrsaSidecarNotReady"]),
        (
            firing("IrsaSidecarCredentialsExpiring", GENERAL, "IrsaSidecarTokenNotRotating", **POD_A),
            ["IrsaSidecarCredentialsExpiring"],
        ),
        (firing(GENERAL, "IrsaSidecarTrustRefused", **POD_A), ["IrsaSidecarTrustRefused"]),
        (firing(GENERAL, "IrsaSidecarTokenNotRotating", **POD_A), ["IrsaSidecarTokenNotRotating"]),
        (
            firing("IrsaSidecarStsThrottled") + firing(GENERAL, **POD_A) + firing(GENERAL, **POD_B),
            ["IrsaSidecarStsThrottled"],
        ),
        (
            firing(FLEET_PAGE, "IrsaSidecarStsThrottled", "IrsaSidecarRefreshSlow")
            + firing("IrsaSidecarCredentialsExpiring", GENERAL, **POD_A)
            + firing("IrsaSidecarNotReady", GENERAL, **POD_B),
            [FLEET_PAGE],
        ),
        # Another pod, another cluster, another kind of trouble: other causes.
        (firing("IrsaSidecarNotReady", **POD_A) + firing(GENERAL, **POD_B), ["IrsaSidecarNotReady", GENERAL]),
        (firing(FLEET_PAGE, cluster="one") + firing(GENERAL, cluster="two"), [FLEET_PAGE, GENERAL]),
        (firing(FLEET_PAGE) + firing("IrsaSidecarDown", **POD_A), [FLEET_PAGE, "IrsaSidecarDown"]),
        (firing("IrsaSidecarWebhookDown", "IrsaSidecarWebhookUnreachable"), ["IrsaSidecarWebhookDown"]),
        (
            firing("IrsaSidecarNotReady", "IrsaSidecarRequestsRefused", **POD_A),
            ["IrsaSidecarNotReady", "IrsaSidecarRequestsRefused"],
        ),
    ],
    ids=lambda told: "+".join(told) if told and isinstance(told[0], str) else "",
)
def test_one_cause_is_one_alert(raised: list[dict[str, str]], told: list[str]) -> None:
    assert [alert["alertname"] for alert in not_inhibited(raised)] == told


def test_the_inhibition_rules_speak_of_alerts_that_there_are() -> None:
    for rule in INHIBITION:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            assert any(matches([matcher], {"alertname": alert["alert"]}) for alert in ALERTS)


# --- what is scraped -------------------------------------------------------------------------------------------


def test_the_webhooks_pod_monitor_scrapes_the_port_that_its_pods_have() -> None:
    monitor = yaml.safe_load((MANIFESTS / "webhook-podmonitor.yaml").read_text())
    template = yaml.safe_load((MANIFESTS.parent / "webhook" / "deployment.yaml").read_text())["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in {port["name"] for port in container["ports"]}
    down = next(alert["expr"] for alert in ALERTS if alert["alert"] == "IrsaSidecarWebhookDown")
    for pattern in re.findall(r'job=~"(.+?)"', down):
        assert re.fullmatch(pattern, f"monitoring/{monitor['metadata']['name']}")


@pytest.mark.parametrize("name", NAMES)
def test_the_pod_monitor_scrapes_the_port_that_our_pods_have(name: str) -> None:
    monitor = yaml.safe_load((MANIFESTS / "podmonitor.yaml").read_text())
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (keep,) = (rule for rule in endpoint["relabelings"] if rule.get("action") == "keep")
    assert monitor["spec"]["selector"]["matchLabels"] == {"irsa-sidecar": "enabled"}
    assert applied(name).template["metadata"]["labels"]["irsa-sidecar"] == "enabled"
    container = sidecar_of(applied(name).pod)
    assert endpoint["port"] in {port["name"] for port in container["ports"]}
    assert container["name"] == keep["regex"]
