"""The metrics page: exact series after a scripted history, and no label that grows without bound."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client import exposition
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_page
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from sidecar import __version__
from sidecar.core import errors
from sidecar.core.errors import (
    BaseUnavailable,
    ClaimMissing,
    SidecarError,
    StsThrottled,
    StsUnreachable,
    TokenExpired,
    TokenRefused,
    TokenUnreadable,
    TrustRefused,
)
from sidecar.core.model import DEFAULT_ROLE, Instant, Token, UnixTime
from sidecar.core.refresh import Failed, RoleState
from sidecar.http.messages import Response
from sidecar.observe import series_page
from sidecar.observe.families import EXCHANGE_BUCKETS, REQUEST_BUCKETS
from sidecar.observe.labels import CHAIN_CODES, ENDPOINT_CODES, FACE_NAMES, FAILURE_CODES, code_label
from sidecar.observe.metrics import Metrics
from sidecar.observe.role_metrics import RoleMetrics
from sidecar.sts.wordings import KNOWN_CODES
from tests.conftest import Canary
from tests.doubles import DAY, EPOCH, a_token, credentials
from tests.observe.kit import SERVED, UNAUTHORIZED, UNAVAILABLE, History, eternal

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Series = tuple[str, ...]
"""A sample's name and its labels, each as `label=value`."""


class StoppedClock:
    """A clock that shows what it is set to."""

    def __init__(self, now: Instant = 0) -> None:
        self.at = now

    def now(self) -> Instant:
        return self.at

    def wall(self) -> UnixTime:
        return EPOCH + self.at


def metrics(*, token: Token | None = None, started_at: Instant = 0, now: Instant = 0) -> Metrics:
    made = Metrics()
    clock = StoppedClock(now)
    made.show_roles({DEFAULT_ROLE: RoleMetrics(clock, started_at=started_at, token=lambda: token, valid=lambda: True)})
    return made


def written(of: Metrics, accept: str = "") -> bytes:
    return b"".join(series_page.steps(of.registry, accept))


def page(of: Metrics) -> dict[Series, float]:
    """All of ours on the page, without histogram buckets."""
    return {key: value for key, value in series_in(written(of)).items() if not any(le.startswith("le=") for le in key)}


def series_in(text: bytes) -> dict[Series, float]:
    """All of ours."""
    return {
        (sample.name.removeprefix("irsa_sidecar_"), *(f"{name}={text}" for name, text in sample.labels.items())): (
            sample.value
        )
        for family in prometheus_text(text.decode())
        for sample in family.samples
        if sample.name.startswith("irsa_sidecar_")
    }


ROLE = f"role={DEFAULT_ROLE}"
NOTHING_YET: dict[Series, float] = {
    ("build_info", f"version={__version__}"): 1,
    ("consecutive_failures", ROLE): 0,
    ("credentials_expiration_timestamp_seconds", ROLE): 0,
    ("degraded_requests_total", ROLE): 0,
    ("refused_requests_total", "face=container"): 0,
    ("refused_requests_total", "face=ecs"): 0,
    ("refused_requests_total", "face=imds"): 0,
    ("exchanges_total", "outcome=failed", ROLE): 0,
    ("exchanges_total", "outcome=issued", ROLE): 0,
    ("first_credential_seconds", ROLE): 0,
    ("last_success_timestamp_seconds", ROLE): 0,
    ("log_lines_dropped_total",): 0,
    ("credentials_valid", ROLE): 1,
    ("refresh_duration_seconds_count", "code=", "outcome=issued", ROLE): 0,
    ("refresh_duration_seconds_sum", "code=", "outcome=issued", ROLE): 0,
    ("refreshes_total", "code=", "outcome=issued", ROLE): 0,
    **{("refreshes_total", f"code={code}", "outcome=failed", ROLE): 0 for code in FAILURE_CODES},
    ("served_requests_total", ROLE): 0,
    ("sts_clock_skew_seconds", ROLE): 0,
    ("token_expiration_timestamp_seconds", ROLE): 0,
    ("token_issued_timestamp_seconds", ROLE): 0,
    ("token_rotations_total", ROLE): 0,
    ("waiting_requests",): 0,
    ("waits_total",): 0,
}


def normal(series: dict[Series, float]) -> dict[Series, float]:
    return {(name, *sorted(labels)): value for (name, *labels), value in series.items()}


def test_each_session_is_counted_for_the_region_that_issued_it() -> None:
    observed = metrics()
    history = History(observed.roles[DEFAULT_ROLE])
    for region in ("eu-west-1", "eu-central-1", "eu-central-1"):
        history.issued(5, replace(credentials(issued_at=5), region=region), took=0.5)
    series = normal(page(observed))
    assert series["region_issued_total", "region=eu-west-1", ROLE] == 1
    assert series["region_issued_total", "region=eu-central-1", ROLE] == 2


def test_before_anything_happened_every_series_is_there_at_zero() -> None:
    assert normal(page(metrics())) == NOTHING_YET


def test_a_history_leaves_exactly_these_series() -> None:
    observed = metrics(token=a_token(life=DAY), started_at=1, now=31)
    history = History(observed.roles[DEFAULT_ROLE])
    history.failed(2, TokenUnreadable("No file.", fix="Mount it."), took=None)
    history.failed(3, TrustRefused("Not trusted.", fix="Trust it.", aws_code="AccessDenied", status=403), took=0.5)
    history.rotated(4)
    history.issued(5.5, credentials(issued_at=5, life=3600), took=0.5)
    history.failed(6, StsThrottled("Throttled.", fix="Wait.", aws_code="NeverHeardOfIt", status=400), took=0.25)
    history.failed(7, StsUnreachable("No way.", fix="Check."), took=10)
    observed.observe_request("container", SERVED, 0.001)
    observed.observe_request("container", SERVED, 0.002)
    observed.observe_request("container", UNAVAILABLE, 0.8)
    assert normal(page(observed)) == NOTHING_YET | {
        ("consecutive_failures", ROLE): 2,
        ("credentials_expiration_timestamp_seconds", ROLE): EPOCH + 5 + 3600,
        ("degraded_requests_total", ROLE): 2,
        ("refused_requests_total", "face=container"): 0,
        ("refused_requests_total", "face=ecs"): 0,
        ("refused_requests_total", "face=imds"): 0,
        ("exchanges_total", "outcome=failed", ROLE): 3,
        ("exchanges_total", "outcome=issued", ROLE): 1,
        ("first_credential_seconds", ROLE): 4.5,
        ("last_success_timestamp_seconds", ROLE): EPOCH + 31,
        ("refresh_duration_seconds_count", "code=AccessDenied", "outcome=failed", ROLE): 1,
        ("refresh_duration_seconds_sum", "code=AccessDenied", "outcome=failed", ROLE): 0.5,
        ("refresh_duration_seconds_count", "code=other", "outcome=failed", ROLE): 1,
        ("refresh_duration_seconds_sum", "code=other", "outcome=failed", ROLE): 0.25,
        ("refresh_duration_seconds_count", "code=StsUnreachable", "outcome=failed", ROLE): 1,
        ("refresh_duration_seconds_sum", "code=StsUnreachable", "outcome=failed", ROLE): 10,
        ("refresh_duration_seconds_count", "code=", "outcome=issued", ROLE): 1,
        ("refresh_duration_seconds_sum", "code=", "outcome=issued", ROLE): 0.5,
        ("refreshes_total", "code=", "outcome=issued", ROLE): 1,
        ("refreshes_total", "code=TokenUnreadable", "outcome=failed", ROLE): 1,
        ("refreshes_total", "code=AccessDenied", "outcome=failed", ROLE): 1,
        ("refreshes_total", "code=other", "outcome=failed", ROLE): 1,
        ("refreshes_total", "code=StsUnreachable", "outcome=failed", ROLE): 1,
        ("served_requests_total", ROLE): 2,
        ("requests_total", "face=container", "status=200"): 2,
        ("requests_total", "face=container", "status=503"): 1,
        ("request_duration_seconds_count", "face=container"): 3,
        ("request_duration_seconds_sum", "face=container"): pytest.approx(0.803),
        ("token_expiration_timestamp_seconds", ROLE): EPOCH + DAY,
        ("token_issued_timestamp_seconds", ROLE): EPOCH,
        ("token_rotations_total", ROLE): 1,
    }


def test_the_time_to_the_first_credential_is_that_of_the_first() -> None:
    observed = metrics(started_at=10)
    history = History(observed.roles[DEFAULT_ROLE])
    history.issued(12, credentials(issued_at=12))
    history.issued(2000, credentials(issued_at=2000))
    assert page(observed)[("first_credential_seconds", ROLE)] == 2
    assert page(observed)[("credentials_expiration_timestamp_seconds", ROLE)] == EPOCH + 2000 + 3600


def test_a_success_ends_the_row_of_failures() -> None:
    observed = metrics()
    history = History(observed.roles[DEFAULT_ROLE])
    history.failed(1, StsUnreachable("No way.", fix="Check."))
    history.issued(2, credentials(issued_at=2))
    assert page(observed)[("consecutive_failures", ROLE)] == 0


@pytest.mark.parametrize("token", [None, eternal()])
def test_a_token_that_is_not_there_or_never_expires_shows_as_zero(token: Token | None) -> None:
    assert token is None or math.isinf(token.claims.expires_at)
    assert page(metrics(token=token))[("token_expiration_timestamp_seconds", ROLE)] == 0


@pytest.mark.parametrize("token", [None, a_token(iat=None)])
def test_a_token_that_does_not_say_when_it_was_issued_has_no_age(token: Token | None) -> None:
    assert page(metrics(token=token))[("token_issued_timestamp_seconds", ROLE)] == 0


def test_requests_are_served_degraded_from_the_first_failure_to_the_next_success() -> None:
    observed = metrics()
    history = History(observed.roles[DEFAULT_ROLE])

    def served(answer: Response = SERVED) -> float:
        observed.observe_request("container", answer, 0.001)
        return page(observed)[("degraded_requests_total", ROLE)]

    history.issued(1, credentials(issued_at=1))
    assert served() == 0
    history.failed(2, StsUnreachable("No way.", fix="Check."))
    assert served() == 1
    assert served(UNAVAILABLE) == 1
    history.rotated(3)
    assert served() == 2
    assert served(Response(200, b"the role's name", {})) == 2
    history.issued(4, credentials(issued_at=4))
    assert served() == 2


def test_whether_credentials_are_valid_is_asked_at_the_scrape() -> None:
    valid = False
    observed = Metrics()
    observed.show_roles({DEFAULT_ROLE: RoleMetrics(StoppedClock(), started_at=0, valid=lambda: valid)})
    assert page(observed)[("credentials_valid", ROLE)] == 0
    valid = True
    assert page(observed)[("credentials_valid", ROLE)] == 1


def test_whoever_waits_is_counted_for_good_and_for_as_long_as_it_lasts() -> None:
    observed = metrics()

    def waits() -> tuple[float, float]:
        found = page(observed)
        return found[("waits_total",)], found[("waiting_requests",)]

    with observed.waits:
        with observed.waits:
            assert waits() == (2, 2)
        assert waits() == (2, 1)
    assert waits() == (2, 0)


def test_the_clock_skew_is_the_last_one_seen() -> None:
    observed = metrics()
    observed.roles[DEFAULT_ROLE].note_skew(-3)
    observed.roles[DEFAULT_ROLE].note_skew(3600.5)
    assert page(observed)[("sts_clock_skew_seconds", ROLE)] == 3600.5


# --- labels ----------------------------------------------------------------------------------------------------


def our_errors() -> Iterator[type[SidecarError]]:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, SidecarError):
            yield kind


def without_arguments(kind: type[SidecarError]) -> SidecarError:
    error = kind.__new__(kind)
    Exception.__init__(error)
    error.__dict__["aws_code"] = ""
    return error


CODES = {"a traded token": FAILURE_CODES, "a base role": CHAIN_CODES, "a container endpoint": ENDPOINT_CODES}
for_each_source = pytest.mark.parametrize("codes", CODES.values(), ids=CODES)


@pytest.mark.parametrize("kind", list(our_errors()))
@for_each_source
def test_no_error_of_ours_makes_a_label_outside_the_set(codes: tuple[str, ...], kind: type[SidecarError]) -> None:
    assert code_label(without_arguments(kind), codes) in codes


@pytest.mark.parametrize("kind", list(our_errors()))
@for_each_source
def test_no_failure_makes_a_new_series_whatever_the_source(codes: tuple[str, ...], kind: type[SidecarError]) -> None:
    observed = metrics()
    role = RoleMetrics(StoppedClock(), started_at=0, codes=codes)
    observed.show_roles({"app": role})
    before = page(observed).keys()
    role("app", Failed(0, without_arguments(kind)), RoleState(failures=1))
    assert page(observed).keys() == before
    assert sum(role.failed.values()) == 1


@for_each_source
def test_each_source_has_its_own_codes_on_the_page_from_zero_on(codes: tuple[str, ...]) -> None:
    observed = metrics()
    role = RoleMetrics(StoppedClock(), started_at=0, codes=codes)
    observed.show_roles({DEFAULT_ROLE: role})
    history = History(role)

    def failed() -> dict[str, float]:
        return {
            labels[0].removeprefix("code="): value
            for (name, *labels), value in normal(page(observed)).items()
            if name == "refreshes_total" and "outcome=failed" in labels
        }

    assert failed() == dict.fromkeys(codes, 0)
    for times, code in enumerate(codes, start=1):
        for _ in range(times):
            history.failed(0, TokenRefused("c", fix="f", aws_code=code))
    assert failed() == {code: times for times, code in enumerate(codes, start=1)}


@pytest.mark.parametrize("code", sorted(KNOWN_CODES))
def test_an_aws_code_that_we_know_is_a_label_where_it_can_come(code: str) -> None:
    refused = TokenRefused("c", fix="f", aws_code=code)
    assert code in {code_label(refused, FAILURE_CODES), code_label(refused, CHAIN_CODES)}


@pytest.mark.parametrize("kind", [BaseUnavailable, ClaimMissing])
def test_a_chain_that_waits_for_its_base_is_told_from_one_that_sts_refuses(kind: type[SidecarError]) -> None:
    assert code_label(kind("c", fix="f"), CHAIN_CODES) == kind.__name__


@pytest.mark.parametrize("code", ["NeverHeardOfIt", "accessdenied", "AccessDenied ", "\n", "a" * 5000])
def test_any_other_is_other(code: str) -> None:
    assert code_label(TokenRefused("c", fix="f", aws_code=code), FAILURE_CODES) == "other"


def test_where_sts_gave_no_code_ours_is_the_label() -> None:
    assert code_label(StsUnreachable("c", fix="f"), FAILURE_CODES) == "StsUnreachable"
    assert code_label(TokenExpired("c", fix="f"), FAILURE_CODES) == "TokenExpired"


def test_ten_thousand_strange_codes_are_one_series() -> None:
    observed = metrics()
    history = History(observed.roles[DEFAULT_ROLE])
    for n in range(10_000):
        history.failed(n, TrustRefused("c", fix="f", aws_code=f"Code{n}"))
    assert normal(page(observed))[("refreshes_total", "code=other", "outcome=failed", ROLE)] == 10_000
    assert set(normal(page(observed))) - set(NOTHING_YET) == {
        ("refresh_duration_seconds_count", "code=other", "outcome=failed", ROLE),
        ("refresh_duration_seconds_sum", "code=other", "outcome=failed", ROLE),
    }


# --- forms -----------------------------------------------------------------------------------------------------


def test_a_scraper_that_asks_for_openmetrics_gets_it() -> None:
    text = written(metrics(), OPENMETRICS)
    assert series_page.content_type(OPENMETRICS).startswith("application/openmetrics-text")
    families = list(openmetrics(text.decode()))  # type: ignore[no-untyped-call]
    assert "irsa_sidecar_refreshes" in {family.name for family in families}
    assert text.endswith(b"# EOF\n")


def test_the_page_is_the_librarys_own_however_large_its_families_are() -> None:
    observed = metrics()
    names = [f"role-{number}" for number in range(3 * series_page.SERIES_OF_A_STEP + 1)]
    observed.show_roles({name: RoleMetrics(StoppedClock(), started_at=0) for name in names})
    of_now = re.compile(rb"^process_.*$", re.MULTILINE)
    for accept, whole in (("", exposition.generate_latest), (OPENMETRICS, openmetrics_page)):
        assert of_now.sub(b"", written(observed, accept)) == of_now.sub(b"", whole(observed.registry))
        longest = max(part.count(b"\n") for part in series_page.steps(observed.registry, accept))
        assert longest <= series_page.SERIES_OF_A_STEP + 2


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/html"])
def test_any_other_gets_prometheuss_text(accept: str) -> None:
    text = written(metrics(), accept)
    assert series_page.content_type(accept).startswith("text/plain")
    assert b"# EOF" not in text


def test_every_metric_is_explained() -> None:
    text = written(metrics())
    ours = [family for family in prometheus_text(text.decode()) if family.name.startswith("irsa_sidecar_")]
    assert len(ours) >= 11
    assert all(family.documentation.endswith(".") for family in ours)


def test_the_process_tells_its_memory_and_cpu() -> None:
    text = written(metrics())
    assert {"process_resident_memory_bytes", "process_cpu_seconds"} <= {
        family.name for family in prometheus_text(text.decode())
    }


def test_no_series_tells_when_it_was_created() -> None:
    observed = metrics()
    observed.observe_request("container", SERVED, 0.1)
    for accept in ("", OPENMETRICS):
        assert b"_created" not in written(observed, accept)


def test_buckets_reach_from_memory_to_the_longest_wait() -> None:
    assert REQUEST_BUCKETS[0] <= 0.0001
    assert REQUEST_BUCKETS[-1] >= 0.8
    assert EXCHANGE_BUCKETS[-1] >= 10


def test_refusals_are_counted_by_face_from_zero_on_and_only_those_that_a_client_can_end() -> None:
    observed = metrics()

    def refused() -> dict[str, float]:
        return {face: page(observed)[("refused_requests_total", f"face={face}")] for face in FACE_NAMES}

    assert refused() == {"container": 0, "ecs": 0, "imds": 0}
    for answer in (SERVED, UNAVAILABLE, Response(404, b"", {}), UNAUTHORIZED):
        observed.observe_request("imds", answer, 0.1)
    assert refused() == {"container": 0, "ecs": 0, "imds": 1}


def test_each_role_has_its_own_numbers_and_none_once_it_is_forgotten() -> None:
    observed = metrics()
    reports = RoleMetrics(StoppedClock(), started_at=0)
    observed.show_roles({**observed.roles, "reports": reports})
    History(reports, "reports").failed(1, StsUnreachable("No way.", fix="Check."))
    observed.observe_request("container", SERVED, 0.1)
    observed.observe_request("container", replace(SERVED, role="reports"), 0.1)
    series = normal(page(observed))
    for name, of_default, of_reports in (
        ("credentials_valid", 1, 0),
        ("consecutive_failures", 0, 1),
        ("served_requests_total", 1, 1),
        ("degraded_requests_total", 0, 1),
    ):
        assert (series[name, ROLE], series[name, "role=reports"]) == (of_default, of_reports), name
    observed.show_roles({DEFAULT_ROLE: observed.roles[DEFAULT_ROLE]})
    observed.observe_request("container", replace(SERVED, role="reports"), 0.1)
    assert not [labels for labels in page(observed) if "role=reports" in labels]


def test_two_sets_of_metrics_do_not_share_their_counts() -> None:
    one, other = metrics(), metrics()
    one.observe_request("container", SERVED, 0.1)
    assert normal(page(other)) == NOTHING_YET


def test_no_secret_is_on_the_page(canary: Canary) -> None:
    observed = metrics(token=a_token())
    history = History(observed.roles[DEFAULT_ROLE])
    history.issued(1, credentials())
    history.failed(2, StsUnreachable("No way.", fix="Check."))
    canary.saw(written(observed).decode(), written(observed, OPENMETRICS).decode())


@pytest.mark.parametrize("step", range(40))
def test_a_failure_in_the_middle_of_a_scrape_takes_no_series_from_another_role(step: int) -> None:
    observed = metrics()
    roles = {name: RoleMetrics(StoppedClock(), started_at=0) for name in ("a", "b", "c")}
    observed.show_roles(roles)
    whole = series_in(written(observed)).keys()
    parts = []
    for number, part in enumerate(series_page.steps(observed.registry, "")):
        if number == step:
            History(roles["a"], "a").failed(0, TokenRefused("c", fix="f", aws_code="AccessDenied"))
        parts.append(part)
    assert whole <= series_in(b"".join(parts)).keys()
