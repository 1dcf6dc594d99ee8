"""The page's parts, each from the snapshot that `/status.json` shows too. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from sidecar.admin import drawings
from sidecar.admin.amounts import clock_time, took
from sidecar.admin.blocks import NOT_STATED, ago, claim, code, facts, left, more, section
from sidecar.admin.health import Health
from sidecar.admin.markup import Content, Html, element, joined
from sidecar.core.errors import Retry
from sidecar.core.timestamps import timestamp
from sidecar.observe.snapshot import (
    ErrorSnapshot,
    HistorySnapshot,
    NextAttempt,
    RefreshSnapshot,
    RoleSnapshot,
    SessionSnapshot,
    Snapshot,
    TokenSnapshot,
)
from sidecar.settings.given import EffectiveSetting

RETRIES = {
    Retry.SOON: "May be temporary: retried within half a minute.",
    Retry.NEW_TOKEN: "Retried at once with a new token, and about once a minute with this one.",
    Retry.SLOWLY: "Needs a change by a person: retried about once a minute.",
}


def answer(role: RoleSnapshot, health: Health) -> Html:
    """What a person came for: the state, in words and as a sign, and how long it will last."""
    mark, words = drawings.mark(health.state), (element("h1", health.headline), element("p", health.explanation))
    return element(
        "section",
        element("div", mark, element("div", *words, role="status"), _figure(role), class_="answer"),
        drawings.life(role),
        _ends(role),
        class_="top",
    )


def _figure(role: RoleSnapshot) -> Html:
    """The one number that matters now."""
    if role.session is not None:
        return element("p", element("b", left(role.session.seconds_left)), " left", class_="figure")
    return element("p", "next attempt ", element("b", *_next(role)), class_="figure")


def _next(role: RoleSnapshot) -> tuple[Content, ...]:
    if role.next_attempt is not NextAttempt.PLANNED:
        return (role.next_attempt.value,)
    return "in ", left(role.next_attempt_in)


def _ends(role: RoleSnapshot) -> Html:
    session = role.session
    if session is None:
        return element("p", element("span", "no credentials"), class_="ends")
    ends = (f"issued {clock_time(session.issued_at)}", f"expires {clock_time(session.expiration)} UTC")
    return element("p", *(element("span", end) for end in ends), class_="ends")


def trouble(role: RoleSnapshot) -> Html | None:
    """The failure that lasts, and what to change."""
    error = role.last_error
    if error is None:
        return None
    return element(
        "section",
        element("h2", "What is wrong"),
        element(
            "div",
            element("p", error.cause),
            element("p", element("b", "Fix: "), error.fix),
            _about(error, role.failures),
        ),
        class_="trouble",
    )


def _about(error: ErrorSnapshot, failures: int) -> Html:
    """The names to search for, and to quote to AWS support."""
    names = [f"AWS says {error.aws_code}"] if error.aws_code else []
    names += [f"request {error.request_id}"] if error.request_id else []
    of_aws = f" ({', '.join(names)})" if names else ""
    times = "1 attempt failed" if failures == 1 else f"{failures} attempts failed"
    return element("p", f"{error.code}{of_aws}. {times}. {RETRIES[error.retry]}", class_="small")


def credentials(snapshot: Snapshot) -> Html:
    role, proxy = snapshot.role, " through a proxy" if snapshot.sts_by_proxy else None
    return section(
        "Credentials",
        facts(
            ("Role", code(role.role_arn)),
            ("Assumed role", _assumed_role(role.session)),
            ("STS", joined(code(snapshot.sts_endpoint), proxy)),
            ("Phase", "stopping" if role.stopping else role.phase.value),
            ("Last issued", _last_success(snapshot.history.last_success)),
            ("Next attempt", joined(*_next(role))),
        ),
    )


def _assumed_role(session: SessionSnapshot | None) -> Html | str:
    if session is None:
        return "no credentials"
    return code(session.assumed_role_arn) if session.assumed_role_arn else "not told by STS"


def _last_success(refresh: RefreshSnapshot | None) -> Html | str:
    if refresh is None:
        return "never"
    request = element("span", ", request ", code(refresh.request_id)) if refresh.request_id else None
    return joined(ago(refresh.age), None if refresh.took is None else f", in {took(refresh.took)}", request)


def refreshes(snapshot: Snapshot) -> Html:
    made = snapshot.history.refreshes
    rows = (element("li", drawings.sentence(refresh)) for refresh in reversed(made))
    return section(
        "Refreshes",
        element("p", drawings.summary(made)),
        drawings.latencies(made) if made else None,
        element("p", *_newest(made), class_="small"),
        _resolved(snapshot.history) if snapshot.role.last_error is None else None,
        more("As a list", element("ol", *rows)) if made else None,
    )


def _newest(made: Sequence[RefreshSnapshot]) -> tuple[Content, ...]:
    if not made:
        return ()
    return "The newest is at the right, ", ago(made[-1].age), ". A dot is a success, a cross a failure."


def _resolved(past: HistorySnapshot) -> Html | None:
    """The last failure, which is over."""
    failure = past.last_failure
    if failure is None:
        return None
    why = f": {failure.error.code}. {failure.error.cause} {failure.error.fix}"
    return element("p", element("b", "Last failure (resolved): "), ago(failure.age), why, class_="small")


def token(snapshot: Snapshot) -> Html:
    file, held = code(str(snapshot.token_file)), snapshot.role.token
    if held is None:
        return section("Token", facts(("File", file), ("Content", "no readable token")))
    claims, issued = held.claims, held.issued_at
    return section(
        "Token",
        facts(
            ("Subject", claim(claims.subject)),
            ("Audience", claim(", ".join(claims.audiences))),
            ("Issuer", claim(claims.issuer)),
            ("Pod", claim("/".join(filter(None, (claims.namespace, claims.pod))))),
            ("Service account", claim(claims.service_account)),
            ("Expires", _expiry(held)),
            ("Issued", NOT_STATED if issued is None else timestamp(issued)),
            ("Rotated", _rotations(snapshot.history)),
            ("File", file),
        ),
        element("p", "Claims of the token, not verified here: STS verifies them.", class_="small"),
    )


def _expiry(held: TokenSnapshot) -> Html | str:
    if held.expires_at is None or held.seconds_left is None:
        return NOT_STATED
    moment = timestamp(held.expires_at)
    if held.seconds_left <= 0:
        return joined("expired ", ago(-held.seconds_left), ", ", moment)
    return joined("in ", left(held.seconds_left), ", ", moment)


def _rotations(past: HistorySnapshot) -> Html | str:
    if past.rotated_age is None:
        return "not since the sidecar started"
    return joined("once" if past.rotations == 1 else f"{past.rotations} times", ", last ", ago(past.rotated_age))


def settings(all_of_them: Sequence[EffectiveSetting]) -> Html:
    given = [setting for setting in all_of_them if setting.given_by]
    others = [setting for setting in all_of_them if not setting.given_by]
    return section("Settings", _table(given), more(f"{len(others)} at their defaults", _table(others)))


def _table(shown: Iterable[EffectiveSetting]) -> Html:
    rows = ((code(setting.variable), joined(*_setting(setting))) for setting in shown)
    return element("div", facts(*rows), class_="settings")


def _setting(setting: EffectiveSetting) -> Iterator[Content]:
    yield "not set" if setting.text is None else code(setting.text)
    if setting.given_by not in {None, setting.variable}:
        yield element("span", " by ", setting.given_by, class_="small")
