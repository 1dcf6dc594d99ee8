"""The Grafana dashboard: what is on it, and why one looks at it. `make docs` writes it as JSON."""

from sidecar.observe.labels import WAYS
from tools.grafana import Json, Query, Row, choice, choice_of_datasource, dashboard, heatmap, lines, stat, table

CHOSEN = 'cluster=~"$cluster",namespace=~"$namespace",workload=~"$workload"'
"""A choice of all also matches series without the label: not every Prometheus gives them a cluster or a workload."""
FLEET = f"{{{CHOSEN}}}"
FAILED = f'{{{CHOSEN},outcome="failed"}}'
POD = '{cluster=~"$cluster",namespace=~"$namespace",pod="$pod"}'


def left(pods: str) -> str:
    """Seconds until the credentials of these pods expire, without the recording rule for it."""
    return f"(irsa_sidecar_credentials_expiration_timestamp_seconds{pods} > 0) - time()"


TOKEN_USED = (
    f"(time() - (irsa_sidecar_token_issued_timestamp_seconds{POD} > 0))"
    f" / (irsa_sidecar_token_expiration_timestamp_seconds{POD} - irsa_sidecar_token_issued_timestamp_seconds{POD})"
)

BAD_ABOVE_ZERO = ((None, "green"), (1, "red"))
LITTLE_TIME = ((None, "red"), (1200, "orange"), (1700, "green"))
SLOW = ((None, "green"), (1, "orange"), (2.5, "red"))
AN_HOUR_OF_BUCKETS = f'rate(irsa_sidecar_refresh_duration_seconds_bucket{{{CHOSEN},outcome="issued"}}[1h])'


FLEET_ROW = Row(
    "Fleet: is every pod served, and will it stay so?",
    [
        stat(
            "Pods with credentials",
            "Pods whose sidecar has something valid to serve.",
            f"sum(irsa_sidecar_credentials_valid{FLEET})",
        ),
        stat(
            "Pods without",
            "Their applications get 503 for credentials.",
            f"sum(1 - irsa_sidecar_credentials_valid{FLEET})",
            steps=BAD_ABOVE_ZERO,
        ),
        stat(
            "Soonest expiry",
            "The least that any pod has left. In health never under half of a session: 30 min of an hour.",
            f"min({left(FLEET)})",
            unit="s",
            steps=LITTLE_TIME,
        ),
        stat(
            "Pods that fail to refresh",
            "Their last attempt failed; what is cached is still served.",
            f"sum(irsa_sidecar_consecutive_failures{FLEET} > bool 0)",
            steps=BAD_ABOVE_ZERO,
        ),
        stat(
            "Refresh p99, last hour",
            "One refresh in a hundred took longer.",
            f"histogram_quantile(0.99, sum by (le) ({AN_HOUR_OF_BUCKETS}))",
            unit="s",
            steps=SLOW,
        ),
        stat(
            "Served in spite of failure, last day",
            "Requests answered from the cache while the refresh failed: outages without effect on applications.",
            f"sum(increase(irsa_sidecar_degraded_requests_total{FLEET}[1d]))",
            decimals=0,
        ),
        lines(
            "Refresh duration",
            "Over the hour before each point: a pod refreshes about twice an hour.",
            Query(f"histogram_quantile(0.5, sum by (le) ({AN_HOUR_OF_BUCKETS}))", "p50"),
            Query(f"histogram_quantile(0.99, sum by (le) ({AN_HOUR_OF_BUCKETS}))", "p99"),
            unit="s",
            steps=SLOW,
        ),
        heatmap(
            "Refreshes by duration",
            "Every call to STS in the hour before each point, those that failed too.",
            f"sum by (le) (increase(irsa_sidecar_refresh_duration_seconds_bucket{FLEET}[1h]))",
        ),
        lines(
            "Time left, the ten pods with the least",
            "A saw tooth is health. A line that keeps falling is a pod that fails to refresh.",
            Query(f"bottomk(10, {left(FLEET)})", "{{namespace}}/{{pod}}"),
            unit="s",
            steps=LITTLE_TIME,
        ),
        lines(
            "Failures by code",
            "In the hour before each point. AWS's code; our own name where STS was not reached or not asked.",
            Query(f"sum by (code) (increase(irsa_sidecar_refreshes_total{FAILED}[1h])) > 0", "{{code}}"),
        ),
        lines(
            "Calls to STS",
            "All sidecars together. STS's quota is the account's, and counts others too.",
            Query(f"sum by (outcome) (rate(irsa_sidecar_exchanges_total{FLEET}[1h]))", "{{outcome}}"),
            unit="reqps",
        ),
        lines(
            "Requests for credentials",
            "From the applications, by status.",
            Query(f"sum by (status) (rate(irsa_sidecar_requests_total{FLEET}[5m]))", "{{status}}"),
            unit="reqps",
        ),
        lines(
            "Requests refused",
            "In the hour before each point: an application has the wrong token, path or protocol.",
            Query(
                f"sum by (namespace, pod, face) (increase(irsa_sidecar_refused_requests_total{FLEET}[1h])) > 0",
                "{{namespace}}/{{pod}} {{face}}",
            ),
        ),
        table(
            "Alerts",
            "Those of irsa-sidecar that are pending or firing.",
            f'ALERTS{{{CHOSEN},alertname=~"IrsaSidecar.+"}} or ALERTS{{alertname=~"IrsaSidecar.+",namespace=""}}',
            width=16,
        ),
        table(
            "Clocks",
            "The five nodes whose clock is furthest from STS's, in seconds. A minute off, tokens look expired.",
            f"topk(5, abs(irsa_sidecar_sts_clock_skew_seconds{FLEET}))",
            unit="s",
            width=24,
            height=5,
        ),
    ],
)

POD_ROW = Row(
    "One pod: $pod",
    [
        stat("Credentials left", "", left(POD), unit="s", steps=LITTLE_TIME),
        stat(
            "Token left",
            "Until the projected token expires. The kubelet replaces it when a fifth is left.",
            f"(irsa_sidecar_token_expiration_timestamp_seconds{POD} > 0) - time()",
            unit="s",
            steps=((None, "red"), (60, "orange"), (300, "green")),
        ),
        stat(
            "Failures in a row",
            "Since the last success.",
            f"irsa_sidecar_consecutive_failures{POD}",
            steps=BAD_ABOVE_ZERO,
        ),
        stat(
            "Since the last success",
            "When STS last issued credentials.",
            f"time() - (irsa_sidecar_last_success_timestamp_seconds{POD} > 0)",
            unit="s",
        ),
        stat(
            "Time to the first credential",
            "From the start of the process.",
            f"irsa_sidecar_first_credential_seconds{POD}",
            unit="s",
        ),
        stat(
            "STS's clock less the node's",
            "To half a second.",
            f"irsa_sidecar_sts_clock_skew_seconds{POD}",
            unit="s",
            steps=((None, "red"), (-60, "green"), (60, "red")),
        ),
        lines(
            "Time left",
            "Of the credentials and of the token.",
            Query(left(POD), "credentials"),
            Query(f"(irsa_sidecar_token_expiration_timestamp_seconds{POD} > 0) - time()", "token"),
            unit="s",
        ),
        lines(
            "Attempts to refresh",
            "In the hour before each point, by outcome and code.",
            Query(
                f"sum by (outcome, code) (increase(irsa_sidecar_refreshes_total{POD}[1h])) > 0",
                "{{outcome}} {{code}}",
            ),
        ),
        lines(
            "How long STS took",
            "The mean of the hour before each point, by code.",
            Query(
                f"sum by (outcome, code) (rate(irsa_sidecar_refresh_duration_seconds_sum{POD}[1h]))"
                f" / sum by (outcome, code) (rate(irsa_sidecar_refresh_duration_seconds_count{POD}[1h]) > 0)",
                "{{outcome}} {{code}}",
            ),
            unit="s",
        ),
        lines(
            "Requests",
            "By face and status.",
            Query(
                f"sum by (face, status) (rate(irsa_sidecar_requests_total{POD}[5m]))",
                "{{face}} {{status}}",
            ),
            unit="reqps",
        ),
        lines(
            "How long they took",
            "By face.",
            Query(
                "histogram_quantile(0.99, sum by (face, le) "
                f"(rate(irsa_sidecar_request_duration_seconds_bucket{POD}[5m])))",
                "{{face}} p99",
            ),
            unit="s",
        ),
        lines(
            "Waiting for a refresh in progress",
            "Usual only in the first second of a pod.",
            Query(f"irsa_sidecar_waiting_requests{POD}", "now"),
            Query(f"increase(irsa_sidecar_waits_total{POD}[5m])", "began to"),
        ),
        lines(
            "Memory",
            "Of the sidecar's process.",
            Query(f"process_resident_memory_bytes{POD}", "resident"),
            unit="bytes",
        ),
        lines(
            "CPU",
            "Of the sidecar's process, in cores.",
            Query(f"rate(process_cpu_seconds_total{POD}[5m])", "used"),
        ),
        lines(
            "Token",
            "Rotations seen, and how much of the token's life is over.",
            Query(f"increase(irsa_sidecar_token_rotations_total{POD}[1d])", "rotations in a day"),
            Query(TOKEN_USED, "share of its life"),
        ),
        table("Settings in force", "No secret is among them.", f"irsa_sidecar_config_info{POD}", width=16, height=5),
        table("Version", "", f"irsa_sidecar_build_info{POD}", height=5),
    ],
)

BY_SDK = f"sum by (sdk, major) (increase(irsa_sidecar_client_requests_total{FLEET}[1d]))"
PODS_BY_SDK = f"sum by (namespace, pod, sdk, major) (increase(irsa_sidecar_client_requests_total{FLEET}[1d])) > 0"
LEGACY_ROW = Row(
    "Legacy: who still needs the sidecar?",
    [
        lines(
            "Pods by SDK",
            "Pods that asked in the day before each point. When a line reaches zero, that SDK is gone.",
            Query(f"count by (sdk, major) ({PODS_BY_SDK})", "{{sdk}} {{major}}"),
        ),
        lines("Requests by SDK", "In the day before each point.", Query(BY_SDK, "{{sdk}} {{major}}")),
        lines(
            "Requests by face",
            "imds-v1 is IMDS without a session token: the oldest clients there are.",
            Query(f"sum by (face) (rate(irsa_sidecar_client_requests_total{FLEET}[5m]))", "{{face}}"),
            unit="reqps",
        ),
        table(
            "Clients and their ways",
            "Requests in the last day, by namespace, face and SDK. boto3 asks the container endpoint as "
            "python-urllib3, JavaScript v3 as none.",
            f"sum by (namespace, face, sdk, major) (increase(irsa_sidecar_client_requests_total{FLEET}[1d])) > 0",
            width=16,
        ),
        table(
            "Enabled ways",
            "Pods by the ways that their settings open. A way that no client uses can be closed.",
            f"count by ({', '.join(WAYS)}) (irsa_sidecar_config_info{FLEET})",
        ),
    ],
)


def model() -> Json:
    known = "irsa_sidecar_build_info"
    return dashboard(
        "irsa-sidecar",
        "irsa-sidecar",
        "Credentials of pods: valid, for how long, how refreshes go, and which SDKs ask.",
        [
            choice_of_datasource(),
            choice("cluster", f"label_values({known}, cluster)", several=True),
            choice("namespace", f'label_values({known}{{cluster=~"$cluster"}}, namespace)', several=True),
            choice(
                "workload",
                f'label_values({known}{{cluster=~"$cluster",namespace=~"$namespace"}}, workload)',
                several=True,
            ),
            choice("pod", f"label_values({known}{FLEET}, pod)", several=False),
        ],
        [FLEET_ROW, POD_ROW, LEGACY_ROW],
    )
