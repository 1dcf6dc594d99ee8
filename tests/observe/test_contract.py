"""The metrics page is a contract: dashboards and alerts that we do not know of stand on it.

A change here is a change for them: it belongs into the changelog, and into nobody's refactoring.
"""

import asyncio
import subprocess
from collections.abc import Iterator

import pytest
from aiohttp import ClientSession
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from sidecar.core.errors import SidecarError, StsUnavailable
from sidecar.core.model import DEFAULT_ROLE
from sidecar.faces.problems import STATUS
from sidecar.http import refusals
from sidecar.http.messages import Response
from sidecar.observe import labels, series_page
from sidecar.observe.families import FAMILIES
from sidecar.observe.metrics import Metrics
from sidecar.observe.sdk_family import MAJORS
from tests.admin.kit import SetRole, served_admin
from tests.needs import needs
from tools import metrics_page, tables

CONTRACT = {
    "irsa_sidecar_build_info": ("gauge", {"version"}),
    "irsa_sidecar_client_requests_total": ("counter", {"face", "sdk", "major"}),
    "irsa_sidecar_config_last_reload_successful": ("gauge", set()),
    "irsa_sidecar_config_info": (
        "gauge",
        {"duration", "region", "sts", "face_container", "face_ecs", "face_imds", "face_imds_v1", "face_file"},
    ),
    "irsa_sidecar_consecutive_failures": ("gauge", {"role"}),
    "irsa_sidecar_credentials_expiration_timestamp_seconds": ("gauge", {"role"}),
    "irsa_sidecar_region_issued_total": ("counter", {"role", "region"}),
    "irsa_sidecar_credentials_file_writes_total": ("counter", {"outcome"}),
    "irsa_sidecar_degraded_requests_total": ("counter", {"role"}),
    "irsa_sidecar_refused_requests_total": ("counter", {"face"}),
    "irsa_sidecar_exchanges_total": ("counter", {"role", "outcome"}),
    "irsa_sidecar_first_credential_seconds": ("gauge", {"role"}),
    "irsa_sidecar_last_success_timestamp_seconds": ("gauge", {"role"}),
    "irsa_sidecar_credentials_valid": ("gauge", {"role"}),
    "irsa_sidecar_log_lines_dropped_total": ("counter", set()),
    "irsa_sidecar_refresh_duration_seconds": ("histogram", {"role", "outcome", "code"}),
    "irsa_sidecar_refreshes_total": ("counter", {"role", "outcome", "code"}),
    "irsa_sidecar_request_duration_seconds": ("histogram", {"face"}),
    "irsa_sidecar_requests_total": ("counter", {"face", "status"}),
    "irsa_sidecar_served_requests_total": ("counter", {"role"}),
    "irsa_sidecar_sts_clock_skew_seconds": ("gauge", {"role"}),
    "irsa_sidecar_token_expiration_timestamp_seconds": ("gauge", {"role"}),
    "irsa_sidecar_token_issued_timestamp_seconds": ("gauge", {"role"}),
    "irsa_sidecar_token_rotations_total": ("counter", {"role"}),
    "irsa_sidecar_waiting_requests": ("gauge", set()),
    "irsa_sidecar_waits_total": ("counter", set()),
}
CODES = (
    *("AccessDenied", "ExpiredToken", "ExpiredTokenException"),
    *("IDPCommunicationError", "IDPRejectedClaim", "InternalError", "InternalFailure"),
    *("InvalidArgument", "InvalidIdentityToken", "InvalidParameterValue"),
    *("MalformedPolicyDocument", "MissingParameter", "PackedPolicyTooLarge"),
    *("RegionDisabledException", "RequestLimitExceeded", "RequestTimeout", "ServiceUnavailable"),
    *("StsThrottled", "StsUnavailable", "StsUnreachable", "Throttling"),
    *("ThrottlingException", "TokenExpired", "TokenUnreadable", "Unexpected", "ValidationError", "other"),
)
MOST_SERIES = 250
RUNTIME = {"process_", "python_info"}
ACCEPTS = {
    "Prometheus 2.42": (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    ),
    "Prometheus 3": (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    ),
}


def everything() -> Metrics:
    metrics = metrics_page.new_metrics()
    metrics_page.every_label(metrics)
    return metrics


def on_the_page(metrics: Metrics) -> dict[str, tuple[str, set[str]]]:
    """Name, type and labels of each of our metrics, as a scraper sees them."""
    text = b"".join(series_page.steps(metrics.registry, ""))
    found = {}
    for family in prometheus_text(text.decode()):
        if family.name.startswith("irsa_sidecar_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            seen = {label for sample in family.samples for label in sample.labels}
            found[name] = (family.type, seen - ({"le"} if family.type == "histogram" else set()))
    return found


def test_names_types_and_labels_are_those_promised() -> None:
    assert on_the_page(everything()) == CONTRACT


def test_the_list_of_families_is_what_is_on_the_page() -> None:
    assert {family.name: (family.kind, set(family.labels)) for family in FAMILIES} == CONTRACT


def test_no_label_is_one_that_prometheus_gives_its_targets() -> None:
    targets = {"job", "instance", "namespace", "pod", "container", "endpoint", "service", "node", "cluster"}
    assert not targets & {label for family in FAMILIES for label in family.labels}


def test_the_codes_are_those_promised() -> None:
    assert sorted(labels.FAILURE_CODES) == sorted(CODES)


def test_buckets_are_part_of_the_promise() -> None:
    buckets = {family.name: family.buckets for family in FAMILIES if family.buckets}
    assert buckets == {
        "irsa_sidecar_refresh_duration_seconds": (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        "irsa_sidecar_request_duration_seconds": (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1),
    }


def test_the_page_about_them_is_made_from_the_code() -> None:
    assert tables.up_to_date(tables.METRICS) == tables.METRICS.read_text(), "run `make docs`"
    assert set(metrics_page.EXAMPLES) == set(CONTRACT)
    assert all(name in query for name, query in metrics_page.EXAMPLES.items())


# --- closed and bounded ----------------------------------------------------------------------------------------


def test_a_pod_has_at_most_250_series_whatever_clients_and_sts_do() -> None:
    metrics = everything()
    before = metrics_page.series_of(metrics)
    assert before <= MOST_SERIES
    metrics_page.every_label(metrics)
    assert metrics_page.series_of(metrics) == before


def test_each_further_role_has_so_many_series_more_as_the_page_says() -> None:
    """The formula: the same number for each, whatever happens; requests and clients are counted without a role."""
    names = [f"role-{number}" for number in range(50)]
    for happens in (lambda _: None, metrics_page.every_label):
        counted = []
        for roles in (1, 2, 50):
            metrics = metrics_page.new_metrics(*names[:roles])
            happens(metrics)
            counted.append(metrics_page.series_of(metrics))
        assert counted[2] - counted[0] == 49 * (counted[1] - counted[0])


def statuses() -> Iterator[int]:
    """All that a served face can answer: a face's own, what its errors become, what the server refuses."""
    yield 200
    yield from STATUS.values()
    yield from (value.status for value in vars(refusals).values() if isinstance(value, Response))


def test_every_status_there_can_be_was_among_them() -> None:
    assert {str(status) for status in statuses()} == set(labels.STATUSES)


def values(name: str, label: str) -> set[str]:
    families = everything().registry.collect()
    return {
        sample.labels[label]
        for family in families
        for sample in family.samples
        if sample.name == name and label in sample.labels
    }


def test_every_label_has_its_values_from_a_closed_set() -> None:
    assert values("irsa_sidecar_refreshes_total", "code") == {labels.NO_CODE, *labels.FAILURE_CODES}
    assert values("irsa_sidecar_refresh_duration_seconds_count", "code") < {labels.NO_CODE, *labels.FAILURE_CODES}
    assert values("irsa_sidecar_requests_total", "status") == set(labels.STATUSES)
    assert values("irsa_sidecar_client_requests_total", "sdk") <= set(labels.SDKS)
    majors = set("".join(MAJORS.values())) | {"unknown"}
    assert values("irsa_sidecar_client_requests_total", "major") <= majors


def test_codes_and_clients_beyond_the_bound_are_counted_with_the_rest() -> None:
    metrics = everything()
    told = metrics.registry.get_sample_value
    others = told(
        "irsa_sidecar_refresh_duration_seconds_count", {"role": DEFAULT_ROLE, "outcome": "failed", "code": "other"}
    )
    assert others == len(labels.FAILURE_CODES) - labels.MOST_CODES
    count = sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "irsa_sidecar_client_requests_total"
    )
    assert count == len(labels.CLIENT_FACES) * sum(len(majors) + 1 for majors in MAJORS.values()) + 8


def test_a_failure_code_that_nobody_knows_yet_makes_no_series() -> None:
    class TokenOnTheMoon(SidecarError):
        pass

    assert labels.code_label(TokenOnTheMoon("c", fix="f"), labels.FAILURE_CODES) == "other"
    assert labels.code_label(StsUnavailable("c", fix="f", aws_code="Fnord"), labels.FAILURE_CODES) == "other"


# --- as scrapers read it ---------------------------------------------------------------------------------------


async def scraped(accept: str) -> tuple[str, str]:
    """A real scrape: content type and page."""
    async with (
        served_admin(SetRole(), metrics=everything()) as address,
        ClientSession() as http,
        http.get(f"http://{address}/metrics", headers={"Accept": accept}) as answer,
    ):
        return answer.headers["Content-Type"], await answer.text()


async def test_promtool_finds_nothing_to_say_about_a_scrape() -> None:
    needs("promtool")
    _, page = await scraped("")  # it reads no OpenMetrics
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("accept", ACCEPTS.values(), ids=ACCEPTS)
async def test_prometheus_gets_openmetrics_and_its_parser_reads_it(accept: str) -> None:
    content_type, page = await scraped(accept)
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = {family.name: family for family in openmetrics(page)}  # type: ignore[no-untyped-call]
    assert {name.removesuffix("_total") for name in CONTRACT} <= set(families)
    assert len(families["irsa_sidecar_refreshes"].samples) == len(CODES) + 1


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain; version=nonsense", "text/html", "\xe9"])
async def test_anybody_else_gets_plain_text(accept: str) -> None:
    content_type, page = await scraped(accept)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert {name.removesuffix("_total") for name in CONTRACT} <= {family.name for family in prometheus_text(page)}


async def test_nothing_of_the_accept_header_is_repeated() -> None:
    content_type, page = await scraped("application/openmetrics-text; version=99.fnord; escaping=values")
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert "fnord" not in page


async def test_the_rest_of_the_page_is_the_process_and_the_name_of_its_python() -> None:
    _, page = await scraped("")
    others = {family.name for family in prometheus_text(page) if not family.name.startswith("irsa_sidecar_")}
    assert others
    assert all(any(name.startswith(known) for known in RUNTIME) for name in others), others
