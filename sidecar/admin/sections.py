"""The page's parts, each from the snapshot that `/status.json` shows too. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from sidecar.admin import drawings, refresh_chart
from sidecar.admin.amounts import date_and_time, took
from sidecar.admin.blocks import NOT_STATED, ago, claim, code, facts, folded, left, more, prose, section
from sidecar.admin.health import Health
from sidecar.admin.markup import Content, Html, element, joined
from sidecar.core.errors import Retry
from sidecar.observe.snapshot import (
    ConfigFileSnapshot,
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
    if role.expired is not None:
        return element("p", "expired ", element("b", ago(role.expired.age)), class_="figure")
    return element("p", "next attempt ", element("b", *_next(role)), class_="figure")


def _next(role: RoleSnapshot) -> tuple[Content, ...]:
    if role.next_attempt is not NextAttempt.PLANNED:
        return (role.next_attempt.value,)
    return "in ", left(role.next_attempt_in)


def _ends(role: RoleSnapshot) -> Html:
    return element("p", *(element("span", *end) for end in _moments(role)), class_="ends")


def _moments(role: RoleSnapshot) -> Iterator[tuple[Content, ...]]:
    session, expired = role.session, role.expired
    if session is not None:
        yield (f"issued {date_and_time(session.issued_at)}",)
        yield (f"expires {date_and_time(session.expiration)} UTC",)
    elif expired is not None:
        yield (f"expired {date_and_time(expired.expiration)} UTC",)
        yield "next attempt ", *_next(role)
    else:
        yield ("no credentials",)


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
            element("p", prose(error.cause)),
            element("p", element("b", "Fix: "), prose(error.fix)),
            _about(error, role.failures),
        ),
        class_="trouble",
    )


def config_file(file: ConfigFileSnapshot | None) -> Html | None:
    """What of the file with the roles has not taken effect."""
    if file is None or not (file.problem or file.needs_restart):
        return None
    waits = f"These roles have other addresses only after a restart: {', '.join(file.needs_restart)}."
    return element(
        "section",
        element("h2", "What has not taken effect"),
        element(
            "div",
            element("p", code(str(file.path))),
            element("p", prose(file.problem), " Until it is corrected, nothing changes.") if file.problem else None,
            element("p", waits) if file.needs_restart else None,
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
    role = snapshot.role
    return section(
        "Credentials",
        facts(
            *(_by_endpoint(snapshot) if snapshot.container_endpoint else _by_sts(snapshot)),
            ("Last issued", _last_success(snapshot.history.last_success)),
            *_unshown_attempt(role),
        ),
    )


def _by_sts(snapshot: Snapshot) -> Iterator[tuple[Content, Content]]:
    role, proxy = snapshot.role, " through a proxy" if snapshot.sts_by_proxy else None
    yield "Role", code(role.role_arn)
    yield "Assumed role", _assumed_role(role.session)
    yield "STS", joined(code(snapshot.sts_endpoint), proxy)


def _by_endpoint(snapshot: Snapshot) -> Iterator[tuple[Content, Content]]:
    """The EKS Pod Identity agent tells the account, Amazon ECS the role."""
    role = snapshot.role
    yield "Role", code(role.role_arn) if role.role_arn else "not told by the endpoint"
    if role.session is not None and role.session.account_id:
        yield "Account", code(role.session.account_id)
    yield "Container endpoint", code(snapshot.container_endpoint)


def _unshown_attempt(role: RoleSnapshot) -> Iterator[tuple[Content, Content]]:
    """The next attempt, where neither the bar nor the figure above tells of it."""
    if role.session is not None and not drawings.has_flag(role):
        yield "Next attempt", joined(*_next(role))


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
    made, now = snapshot.history.refreshes, snapshot.taken_at
    rows = (element("li", refresh_chart.sentence(refresh, now)) for refresh in reversed(made))
    return section(
        "Refreshes",
        element("p", refresh_chart.summary(made)),
        refresh_chart.chart(made, now) if made else None,
        element("p", "Times are in UTC. A dot is a success, a cross a failure.", class_="small") if made else None,
        _resolved(snapshot.history) if snapshot.role.last_error is None else None,
        more("As a list", element("ol", *rows)) if made else None,
    )


def _resolved(past: HistorySnapshot) -> Html | None:
    """The last failure, which is over."""
    failure = past.last_failure
    if failure is None:
        return None
    why = f": {failure.error.code}. {failure.error.cause} {failure.error.fix}"
    return element("p", element("b", "Last failure (resolved): "), ago(failure.age), prose(why), class_="small")


def token(snapshot: Snapshot, *, unfolded: bool) -> Html:
    held = snapshot.role.token
    if held is None:
        where = "none is traded" if snapshot.token_file is None else code(str(snapshot.token_file))
        return section("Token", facts(("File", where), ("Content", "no readable token")))
    claims, issued = held.claims, held.issued_at
    return folded(
        "Token",
        _in_short(held),
        facts(
            ("Subject", claim(claims.subject)),
            ("Audience", claim(", ".join(claims.audiences))),
            ("Issuer", claim(claims.issuer)),
            ("Issued", NOT_STATED if issued is None else f"{date_and_time(issued)} UTC"),
            ("Rotated", _rotations(snapshot.history)),
        ),
        element("p", "Claims of the token, not verified here: STS verifies them.", class_="small"),
        unfolded=unfolded,
    )


def _in_short(held: TokenSnapshot) -> Html:
    if held.seconds_left is None:
        return element("span", "does not say when it expires")
    return joined("expired " if held.seconds_left <= 0 else "expires ", _expiry(held))


def _expiry(held: TokenSnapshot) -> Html | str:
    if held.expires_at is None or held.seconds_left is None:
        return NOT_STATED
    moment = f"{date_and_time(held.expires_at)} UTC"
    if held.seconds_left <= 0:
        return joined(ago(-held.seconds_left), ", ", moment)
    return joined("in ", left(held.seconds_left), ", ", moment)


def _rotations(past: HistorySnapshot) -> Html | str:
    if past.rotated_age is None:
        return "not since the sidecar started"
    return joined("once" if past.rotations == 1 else f"{past.rotations} times", ", last ", ago(past.rotated_age))


def settings(all_of_them: Sequence[EffectiveSetting], *, unfolded: bool) -> Html:
    given = [setting for setting in all_of_them if setting.given_by]
    others = [setting for setting in all_of_them if not setting.given_by]
    defaults = more(f"{len(others)} at their defaults", _table(others))
    return folded("Settings", f"{len(given)} given", _table(given), defaults, unfolded=unfolded)


def _table(shown: Iterable[EffectiveSetting]) -> Html:
    rows = ((code(setting.variable), joined(*_setting(setting))) for setting in shown)
    return element("div", facts(*rows), class_="settings")


def _setting(setting: EffectiveSetting) -> Iterator[Content]:
    yield "not set" if setting.text is None else code(setting.text)
    if setting.given_by not in {None, setting.variable}:
        yield element("span", " by ", setting.given_by, class_="small")
