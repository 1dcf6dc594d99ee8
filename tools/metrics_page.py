"""What `docs/metrics.md` says of each metric beyond the code's own words: a query, labels' values, how many series."""

from collections.abc import Iterator
from itertools import product

from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnavailable
from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.refresh import Failed, RoleState
from sidecar.http.messages import Response
from sidecar.observe import labels, series_page
from sidecar.observe.families import FAMILIES
from sidecar.observe.metrics import Metrics
from sidecar.observe.role_metrics import RoleMetrics
from sidecar.observe.sdk_family import MAJORS, NONE, UNKNOWN, UNRECOGNISED, Sdk
from sidecar.settings.config import load

EXAMPLES = {
    "irsa_sidecar_credentials_valid": "count(irsa_sidecar_credentials_valid == 0)",
    "irsa_sidecar_credentials_expiration_timestamp_seconds": (
        "(irsa_sidecar_credentials_expiration_timestamp_seconds > 0) - time()"
    ),
    "irsa_sidecar_last_success_timestamp_seconds": "time() - (irsa_sidecar_last_success_timestamp_seconds > 0)",
    "irsa_sidecar_first_credential_seconds": "max by (namespace) (irsa_sidecar_first_credential_seconds)",
    "irsa_sidecar_refreshes_total": 'sum by (code) (increase(irsa_sidecar_refreshes_total{outcome="failed"}[1h])) > 0',
    "irsa_sidecar_exchanges_total": "sum(rate(irsa_sidecar_exchanges_total[10m]))",
    "irsa_sidecar_region_issued_total": "sum by (region) (increase(irsa_sidecar_region_issued_total[10m])) > 0",
    "irsa_sidecar_refresh_duration_seconds": (
        "histogram_quantile(0.99, sum by (outcome, le) (rate(irsa_sidecar_refresh_duration_seconds_bucket[1h])))"
    ),
    "irsa_sidecar_consecutive_failures": "irsa_sidecar_consecutive_failures > 3",
    "irsa_sidecar_sts_clock_skew_seconds": "abs(irsa_sidecar_sts_clock_skew_seconds) > 60",
    "irsa_sidecar_token_expiration_timestamp_seconds": (
        "(irsa_sidecar_token_expiration_timestamp_seconds > 0) - time() < 300"
    ),
    "irsa_sidecar_token_issued_timestamp_seconds": "time() - (irsa_sidecar_token_issued_timestamp_seconds > 0)",
    "irsa_sidecar_token_rotations_total": "increase(irsa_sidecar_token_rotations_total[1d])",
    "irsa_sidecar_requests_total": 'sum by (status) (rate(irsa_sidecar_requests_total{status!="200"}[5m]))',
    "irsa_sidecar_request_duration_seconds": (
        "histogram_quantile(0.99, sum by (face, le) (rate(irsa_sidecar_request_duration_seconds_bucket[5m])))"
    ),
    "irsa_sidecar_refused_requests_total": (
        "sum by (namespace, pod, face) (increase(irsa_sidecar_refused_requests_total[1h])) > 0"
    ),
    "irsa_sidecar_served_requests_total": "sum by (role) (increase(irsa_sidecar_served_requests_total[1d]))",
    "irsa_sidecar_degraded_requests_total": "sum(increase(irsa_sidecar_degraded_requests_total[1d]))",
    "irsa_sidecar_client_requests_total": (
        "sum by (face, sdk, major) (increase(irsa_sidecar_client_requests_total[1d]))"
    ),
    "irsa_sidecar_waits_total": "sum(rate(irsa_sidecar_waits_total[5m]))",
    "irsa_sidecar_waiting_requests": "sum(irsa_sidecar_waiting_requests)",
    "irsa_sidecar_credentials_file_writes_total": (
        'increase(irsa_sidecar_credentials_file_writes_total{outcome="failed"}[1h]) > 0'
    ),
    "irsa_sidecar_log_lines_dropped_total": "increase(irsa_sidecar_log_lines_dropped_total[1d]) > 0",
    "irsa_sidecar_config_last_reload_successful": "irsa_sidecar_config_last_reload_successful == 0",
    "irsa_sidecar_build_info": "count by (version) (irsa_sidecar_build_info)",
    "irsa_sidecar_config_info": "count by (region, sts) (irsa_sidecar_config_info)",
}


def families() -> Iterator[tuple[str, ...]]:
    for family in FAMILIES:
        names = ", ".join(f"`{label}`" for label in family.labels)
        yield f"`{family.name}`", family.kind, family.unit, names, family.meaning, f"`{EXAMPLES[family.name]}`"


CODES = {
    "a token that is traded": labels.FAILURE_CODES,
    "a chained role": labels.CHAIN_CODES,
    "a container endpoint as the source": labels.ENDPOINT_CODES,
}


def label_values() -> Iterator[tuple[str, ...]]:
    """Each label, where it is found, and all values that it can have."""
    yield (
        "`role`",
        "credentials, refreshes, tokens, served",
        "the roles' names: `default`, and the profiles that are served",
    )
    yield "`outcome`", "refreshes, exchanges, refresh duration", _listed(labels.OUTCOMES)
    yield "`outcome`", "credentials file writes", _listed(labels.WRITE_OUTCOMES)
    for of, codes in CODES.items():
        yield "`code`", f"refreshes, refresh duration; {of}", f"empty for a success; {_listed(codes)}"
    yield "`face`", "requests, request duration", _listed(labels.FACE_NAMES)
    yield "`face`", "client requests", _listed(labels.CLIENT_FACES)
    yield "`status`", "requests", _listed(labels.STATUSES)
    yield "`sdk`", "client requests", _listed(labels.SDKS)
    yield "`major`", "client requests", "a digit, where that version of the SDK exists; `unknown`"
    yield "`sts`", "config", _listed(labels.ENDPOINTS)
    yield _listed(tuple(labels.WAYS)), "config", _listed(labels.SWITCH)
    yield "`duration`, `region`", "config", "as set: one value in a process"
    yield "`region`", "region issued", "AWS_REGION, and those in SIDECAR_STS_FALLBACK_REGIONS"
    yield "`version`", "build", "one value in a process"


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def counts() -> Iterator[tuple[str, str]]:
    one, two = new_metrics(), new_metrics(DEFAULT_ROLE, "reports")
    at_start = series_of(one)
    further = series_of(two) - at_start
    yield "at start, with one role", str(at_start)
    yield "at start, with N roles", f"{at_start} + {further} * (N - 1)"
    every_label(one)
    every_label(two)
    at_worst = series_of(one)
    further = series_of(two) - at_worst
    yield "at worst, with one role", str(at_worst)
    yield "at worst, with N roles", f"{at_worst} + {further} * (N - 1)"


def new_metrics(*roles: str) -> Metrics:
    """Those of a sidecar with these roles, the default one if none is named."""
    metrics = Metrics()
    settings = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/app", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    regions = {"AWS_REGION": "eu-west-1", "SIDECAR_STS_FALLBACK_REGIONS": "eu-central-1,eu-west-2"}
    config = load(settings | regions, [])
    metrics.observe_config(config)
    regions_of_each = config.roles.default_role.regions
    metrics.show_roles(
        {name: RoleMetrics(SystemClock(), started_at=0, regions=regions_of_each) for name in roles or (DEFAULT_ROLE,)}
    )
    return metrics


def every_label(metrics: Metrics) -> None:
    """Let happen whatever can make a series: each face with each status, each code, each SDK by each face."""
    for (name, role), code in product(metrics.roles.items(), labels.FAILURE_CODES):
        error = StsUnavailable("", fix="", aws_code=code)
        role(name, Failed(0, error, 1), RoleState(failures=1, error=error))
    for face, status in product(labels.FACE_NAMES, labels.STATUSES):
        metrics.observe_request(face, Response(int(status), b"", {}), 0.1)
    for face, (family, majors) in product(labels.CLIENT_FACES, MAJORS.items()):
        for major in (*majors, ""):
            metrics.observe_client(face, Sdk(family, major or UNKNOWN))
    for face in labels.CLIENT_FACES:
        metrics.observe_client(face, Sdk(NONE, UNKNOWN))
        metrics.observe_client(face, UNRECOGNISED)
    metrics.observe_file(written=True)
    metrics.observe_reload(successful=True)


def series_of(metrics: Metrics) -> int:
    """Sample lines on the page, those of the process among them."""
    page = b"".join(series_page.steps(metrics.registry, ""))
    return sum(not line.startswith("#") for line in page.decode().splitlines())
