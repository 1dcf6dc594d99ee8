"""The page's parts, each from the snapshot that `/status.json` shows too. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sidecar.admin import drawings
from sidecar.admin.amounts import clock_time, duration, tenths, took
from sidecar.admin.health import Health
from sidecar.admin.markup import Content, Html, element, joined
from sidecar.core.errors import Retry
from sidecar.core.model import Seconds
from sidecar.core.timestamps import timestamp
from sidecar.faces.registry import FACES
from sidecar.observe.sdk_family import NONE, UNKNOWN
from sidecar.observe.snapshot import (
    ClientSnapshot,
    ErrorSnapshot,
    FaceSnapshot,
    HistorySnapshot,
    NextAttempt,
    RefreshSnapshot,
    RoleSnapshot,
    Snapshot,
    TokenSnapshot,
)
from sidecar.settings.given import InForce

FACE_TITLES = {face.name: face.title for face in FACES}
CLIENT_NAMES = {NONE: "no User-Agent", UNKNOWN: "not known"}
RETRIES = {
    Retry.SOON: "It may pass by itself: tried again soon.",
    Retry.NEW_TOKEN: "Tried again as soon as the token file holds a new token.",
    Retry.SLOWLY: "It needs a person: tried again every minute or so.",
}
LONGEST_CLAIM = 600
"""Characters of a claim that are shown: a token holds up to 20 000."""


def left(seconds: Seconds) -> Html:
    """A time that the page's script counts down."""
    return element("span", duration(tenths(seconds)), data_left=tenths(seconds))


def ago(seconds: Seconds) -> Html:
    """A time that the page's script counts up."""
    return joined(element("span", duration(tenths(seconds)), data_ago=tenths(seconds)), " ago")


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
        return element("p", element("span", "nothing is held"), class_="ends")
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
            element("p", element("b", "To do: "), error.fix),
            _about(error, role.failures),
        ),
        class_="trouble",
    )


def _about(error: ErrorSnapshot, failures: int) -> Html:
    """The names to search for, and to tell AWS support."""
    names = [f"AWS says {error.aws_code}"] if error.aws_code else []
    names += [f"request {error.request_id}"] if error.request_id else []
    of_aws = f" ({', '.join(names)})" if names else ""
    times = "1 attempt failed" if failures == 1 else f"{failures} attempts failed"
    return element("p", f"{error.code}{of_aws}. {times}. {RETRIES[error.retry]}", class_="small")


def credentials(snapshot: Snapshot) -> Html:
    role, proxy = snapshot.role, " through a proxy" if snapshot.sts_by_proxy else None
    return _section(
        "Credentials",
        _facts(
            ("Role", _code(role.role_arn)),
            ("Who am I", _code(role.session.assumed_role_arn) if role.session else "nobody at present"),
            ("STS", joined(_code(snapshot.sts_endpoint), proxy)),
            ("Phase", "stopping" if role.stopping else role.phase.value),
            ("Last issued", _last_success(snapshot.history.last_success)),
            ("Next attempt", joined(*_next(role))),
        ),
    )


def _last_success(refresh: RefreshSnapshot | None) -> Html | str:
    if refresh is None:
        return "never"
    request = element("span", ", request ", _code(refresh.request_id)) if refresh.request_id else None
    return joined(ago(refresh.age), None if refresh.took is None else f", in {took(refresh.took)}", request)


def refreshes(snapshot: Snapshot) -> Html:
    made = snapshot.history.refreshes
    rows = (element("li", drawings.sentence(refresh)) for refresh in reversed(made))
    return _section(
        "Refreshes",
        element("p", drawings.summary(made)),
        drawings.latencies(made) if made else None,
        element("p", *_newest(made), class_="small"),
        _mended(snapshot.history) if snapshot.role.last_error is None else None,
        _more("As a list", element("ol", *rows)) if made else None,
    )


def _newest(made: Sequence[RefreshSnapshot]) -> tuple[Content, ...]:
    if not made:
        return ()
    return "The newest is at the right, ", ago(made[-1].age), ". A dot was issued, a cross failed."


def _mended(past: HistorySnapshot) -> Html | None:
    """The last failure, which is over."""
    failure = past.last_failure
    if failure is None:
        return None
    told = f": {failure.error.code}. {failure.error.cause} {failure.error.fix}"
    return element("p", element("b", "Last failure, over now: "), ago(failure.age), told, class_="small")


def token(snapshot: Snapshot) -> Html:
    file, held = _code(str(snapshot.token_file)), snapshot.role.token
    if held is None:
        return _section("Token", _facts(("File", file), ("Content", "no token can be read")))
    claims, issued = held.claims, held.issued_at
    return _section(
        "Token",
        _facts(
            ("Subject", _claim(claims.subject)),
            ("Audience", _claim(", ".join(claims.audiences))),
            ("Issuer", _claim(claims.issuer)),
            ("Pod", _claim("/".join(filter(None, (claims.namespace, claims.pod))))),
            ("Service account", _claim(claims.service_account)),
            ("Expires", _expiry(held)),
            ("Issued", "it does not say" if issued is None else timestamp(issued)),
            ("Rotated", _rotations(snapshot.history)),
            ("File", file),
        ),
        element("p", "As the token says of itself: only STS verifies it.", class_="small"),
    )


def _expiry(held: TokenSnapshot) -> Html | str:
    if held.expires_at is None or held.seconds_left is None:
        return "it does not say"
    moment = timestamp(held.expires_at)
    if held.seconds_left <= 0:
        return joined("expired ", ago(-held.seconds_left), ", ", moment)
    return joined("in ", left(held.seconds_left), ", ", moment)


def _rotations(past: HistorySnapshot) -> Html | str:
    if past.rotated_age is None:
        return "not since the sidecar started"
    return joined("once" if past.rotations == 1 else f"{past.rotations} times", ", last ", ago(past.rotated_age))


def applications(snapshot: Snapshot) -> Html:
    """The ways to the credentials, and who took them."""
    faces = (_face(face) for face in snapshot.faces if face.addresses)
    return _section("Applications", *faces, _file(snapshot.credentials_file), _off(snapshot.faces))


def _face(face: FaceSnapshot) -> Html:
    address = _code(", ".join(face.addresses))
    title = element("h3", FACE_TITLES[face.name], " ", address)
    if not face.clients:
        return joined(title, element("p", "Nobody has asked yet.", class_="small"))
    names = element("tr", *(element("th", name, scope="col") for name in ("client", "requests", "last")))
    rows = (_client(face.name, client) for client in face.clients)
    return joined(title, element("table", element("thead", names), element("tbody", *rows)))


def _client(face: str, client: ClientSnapshot) -> Html:
    sdk = client.sdk
    name = CLIENT_NAMES.get(sdk.family, sdk.family)
    major = "" if sdk.major == UNKNOWN else f" {sdk.major}"
    protocol = "" if client.protocol == face else f", by {client.protocol}"
    cells = (f"{name}{major}{protocol}", f"{client.requests:,}", ago(client.age))
    return element("tr", *(element("td", cell) for cell in cells))


def _file(path: Path | None) -> Html | None:
    if path is None:
        return None
    uncounted = element("p", "Kept up to date. Who reads it cannot be counted.", class_="small")
    return joined(element("h3", "Credentials file ", _code(str(path))), uncounted)


def _off(faces: Iterable[FaceSnapshot]) -> Html | None:
    off = [FACE_TITLES[face.name] for face in faces if not face.addresses]
    return element("p", "Off: ", ", ".join(off), ".", class_="small") if off else None


def settings(all_of_them: Sequence[InForce]) -> Html:
    given = [setting for setting in all_of_them if setting.given_by]
    others = [setting for setting in all_of_them if not setting.given_by]
    return _section("Settings", _table(given), _more(f"{len(others)} by default", _table(others)))


def _table(shown: Iterable[InForce]) -> Html:
    rows = ((_code(setting.variable), joined(*_setting(setting))) for setting in shown)
    return element("div", _facts(*rows), class_="settings")


def _setting(setting: InForce) -> Iterator[Content]:
    yield "not set" if setting.text is None else _code(setting.text)
    if setting.given_by not in {None, setting.variable}:
        yield element("span", " by ", setting.given_by, class_="small")


# --- what they are made of -------------------------------------------------------------------------------------


def _section(title: str, *parts: Content) -> Html:
    return element("section", element("h2", title), element("div", *parts))


def _facts(*facts: tuple[Content, Content]) -> Html:
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts))


def _more(what: str, content: Html) -> Html:
    return element("details", element("summary", what), content)


def _code(text: str) -> Html:
    return element("code", text)


def _claim(text: str) -> Html | str:
    if not text:
        return "it does not say"
    return _code(text if len(text) <= LONGEST_CLAIM else f"{text[:LONGEST_CLAIM]}… ({len(text)} characters)")
