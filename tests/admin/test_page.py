"""The page as the server writes it, before any browser."""

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.admin import documents
from sidecar.admin.blocks import prose
from sidecar.admin.health import HealthState
from sidecar.admin.page import TINTS, headers, page
from sidecar.observe.snapshot import Readiness, Snapshot
from tests.admin.test_markup import ANY_TEXT, Read
from tests.conftest import Canary
from tests.doubles import a_token
from tests.status.scenes import ENVIRONMENT, SCENES, Scene, expired, failing, healthy, refusing

REMOTE = re.compile(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", re.IGNORECASE)


def html(snapshot: Snapshot) -> str:
    return page(snapshot).decode()


def main_of(scene: Scene) -> str:
    """What stands between the header and the footer."""
    return html(scene.status.snapshot()).partition("<main>")[2].partition("</main>")[0]


def text(snapshot: Snapshot) -> str:
    return Read(html(snapshot)).text


def test_a_server_that_does_not_tell_the_assumed_role_leaves_no_empty_field() -> None:
    snapshot = healthy().status.snapshot()
    assert snapshot.role.session is not None
    untold = replace(snapshot.role, session=replace(snapshot.role.session, assumed_role_arn=""))
    assert "not told by STS" in text(replace(snapshot, role=untold))
    assert documents.readiness(Readiness(untold.ready, untold, (untold,)))["assumed_role"] is None
    assert "not told by STS" not in text(snapshot)


@pytest.mark.parametrize("name", SCENES)
def test_it_is_self_contained_and_small(name: str) -> None:
    written = html(SCENES[name]().status.snapshot())
    assert not REMOTE.search(written)
    assert len(written) < 32_768


@pytest.mark.parametrize("name", SCENES)
def test_it_holds_no_secret(name: str, canary: Canary) -> None:
    canary.saw(html(SCENES[name]().status.snapshot()))


def test_only_its_own_style_and_script_may_run_and_they_are_what_it_holds() -> None:
    written = html(healthy().status.snapshot())
    policy = dict(part.split(" ", 1) for part in headers()["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'{digest(written, 'style')}'",
        "script-src": f"'{digest(written, 'script')}'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert " style=" not in written
    assert not re.search(r"<[^>]* on\w+=", written)


def digest(written: str, tag: str) -> str:
    (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", written, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def test_it_is_kept_by_no_cache_and_guessed_by_no_browser() -> None:
    found = headers()
    assert (found["Cache-Control"], found["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert found["Referrer-Policy"] == "no-referrer"


CLAIMS = st.fixed_dictionaries(
    {"iss": ANY_TEXT, "sub": ANY_TEXT, "aud": st.lists(ANY_TEXT, max_size=3)},
    optional={
        "exp": st.integers(-10, 10**15),
        "iat": st.floats(allow_nan=False),
        "kubernetes.io": st.fixed_dictionaries(
            {"namespace": ANY_TEXT, "pod": st.fixed_dictionaries({"name": ANY_TEXT})}
        ),
    },
)
USUAL = [tag for tag, _ in Read(html(healthy().status.snapshot())).tags]


@given(CLAIMS)
def test_whatever_a_token_claims_the_page_keeps_its_shape(claims: dict[str, Any]) -> None:
    scene = healthy()
    scene.token = a_token(**claims)
    tags = [tag for tag, _ in Read(html(scene.status.snapshot())).tags]
    # What is not claimed is said in words instead of code, and a time that is not known does not count.
    assert [tag for tag in tags if tag not in {"code", "span"}] == [tag for tag in USUAL if tag not in {"code", "span"}]


def test_a_long_claim_is_cut_and_its_length_told() -> None:
    scene = healthy()
    scene.token = a_token(sub="s" * 5000)
    assert "s" * 600 + "… (5000 characters)" in text(scene.status.snapshot())
    assert "s" * 601 not in text(scene.status.snapshot())


def test_the_bar_tells_its_share_to_those_who_do_not_see_it() -> None:
    tags = Read(html(healthy().status.snapshot())).tags
    (bar,) = [attributes for _, attributes in tags if attributes.get("role") == "progressbar"]
    assert (bar["aria-valuenow"], bar["aria-valuetext"]) == ("90", "54 min 19 s of 1 h 00 min")
    assert bar["aria-label"] == "Time left until the credentials expire"


def test_a_failure_shows_cause_fix_and_the_names_to_search_for() -> None:
    seen = text(failing().status.snapshot())
    for part in (
        "The role's trust policy does not let system:serviceaccount:shop:checkout",
        "Fix: Compare the policy's",
        "TrustRefused (AWS says AccessDenied, request 0f3a9f0e-5d0e-4b4e-8a6b-3f1f5d2f9a11). 9 attempts failed.",
        "Needs a change by a person: retried about once a minute.",
    ):
        assert part in seen


@pytest.mark.parametrize("name", SCENES)
def test_what_stands_between_backticks_is_shown_as_code(name: str) -> None:
    assert "`" not in main_of(SCENES[name]())


def test_a_command_in_a_fix_is_code_and_a_lone_backtick_stays() -> None:
    assert prose("Run `a <b>`, then `c`.") == "Run <code>a &lt;b&gt;</code>, then <code>c</code>."
    assert prose("of one ` alone") == "of one ` alone"


def test_refused_requests_show_cause_fix_and_who_asked() -> None:
    shown = text(refusing().status.snapshot())
    assert "Requests refused" in shown
    assert "The request has no Authorization header." in shown
    assert "Fix: Set AWS_CONTAINER_AUTHORIZATION_TOKEN and" in shown
    assert "NotAuthorized (401), 9 times on container, last by boto3 1 " in shown


def test_what_was_served_stands_beside_what_was_refused() -> None:
    rows = re.sub("<[^>]+>", " ", html(refusing().status.snapshot()).replace("</td><td>", " | "))
    assert "boto3 1 | 0 | 9 | " in rows
    assert "aws-sdk-java 1 | 1,284 | 0 | " in rows


def test_a_failure_that_is_over_is_still_told() -> None:
    seen = text(healthy().status.snapshot())
    assert "Last failure (resolved): 7 h 01 min ago: StsThrottled. STS asks for fewer calls." in seen
    assert "What is wrong" not in seen


def test_the_chart_tells_in_words_what_it_draws() -> None:
    written = html(failing().status.snapshot())
    assert 'aria-label="36 refreshes, 11 failed. STS answered in 94 ms (median) and at most 340 ms."' in written
    assert "<title>TrustRefused, 90 ms</title>" in written
    assert written.count("<circle") - 1 == 25  # one is the mark's
    assert written.count('class="failed"') == 11


def test_the_chart_has_the_times_from_the_oldest_refresh_to_now_below_it() -> None:
    written = html(healthy().status.snapshot())
    times = re.findall(r'class="time[^>]*>([^<]+)<', written)
    assert times == ["2027-01-15 08:00", "2027-01-15 14:26", "2027-01-15 20:53"]
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)%"', written)]
    assert (places[0], places[-1]) == (1.0, 98.28)
    assert places == sorted(places)


def test_a_chart_of_one_refresh_is_a_minute_wide() -> None:
    scene = Scene()
    scene.issued(1)
    assert 'cx="99.00%"' in html(scene.status.snapshot())


@pytest.mark.parametrize("name", SCENES)
def test_no_time_of_day_is_without_its_date(name: str) -> None:
    times = re.findall(r"(.{11})\d\d:\d\d\b", Read(main_of(SCENES[name]())).text)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d ", before) for before in times), times


def test_expired_credentials_show_since_when() -> None:
    scene = expired()
    seen = Read(main_of(scene)).text
    assert re.search(r"expired \d+ min \d\d s ago", seen)
    assert "expired 2027-01-15 21:48:00 UTC" in seen
    assert "next attempt in " in seen
    assert scene.document()["expired"]["expiration"] == "2027-01-15T21:48:00Z"


@pytest.mark.parametrize("name", SCENES)
def test_what_is_well_is_folded_and_what_is_not_is_open(name: str) -> None:
    scene = SCENES[name]()
    folds = dict(re.findall(r"<h2>(Token|Settings)</h2><div><details( open=\"open\")?>", main_of(scene)))
    well = scene.document()["state"] == "healthy"
    assert all(bool(unfolded) is not well for unfolded in folds.values())
    assert "Settings" in folds


@pytest.mark.parametrize("name", SCENES)
def test_nothing_is_said_twice(name: str) -> None:
    """Of the facts that a reader looks for, each has one place."""
    written = main_of(SCENES[name]())
    names = re.findall(r"<dt>([^<]+)</dt>", written)
    assert len(names) == len(set(names))
    assert Read(written).text.count("next attempt in ") + Read(written).text.count("refresh in ") <= 1
    assert not {"Phase", "Pod", "Service account"} & set(names)


def test_one_refresh_is_no_plural() -> None:
    scene = Scene()
    scene.issued(1)
    assert "1 refresh, 0 failed." in text(scene.status.snapshot())


def test_an_attempt_that_never_reached_sts_has_a_row_of_its_own() -> None:
    assert "no call" in text(SCENES["down"]().status.snapshot())
    assert "no call" not in text(failing().status.snapshot())


def test_a_credentials_file_is_named_among_the_ways_to_the_credentials() -> None:
    written = Scene(environ=ENVIRONMENT | {"SIDECAR_CREDENTIALS_FILE": "/shared/credentials"}).status.snapshot()
    assert "Credentials file /shared/credentialsRewritten at each refresh." in text(written)
    assert "Credentials file" not in text(healthy().status.snapshot())


def test_settings_show_what_was_given_by_what() -> None:
    seen = text(healthy().status.snapshot())
    assert "AWS_REGIONeu-west-1 by AWS_DEFAULT_REGION" in seen
    assert "SIDECAR_AUTH_TOKENset" in seen
    assert "AWS_ROLE_SESSION_NAMEnot set" in seen


def test_every_state_has_a_sign_of_its_own_in_the_browsers_tab() -> None:
    assert set(TINTS) == set(HealthState)
    icons = {re.findall(r'rel="icon" href="([^"]+)"', html(make().status.snapshot()))[0] for make in SCENES.values()}
    assert len(icons) == len(HealthState)
