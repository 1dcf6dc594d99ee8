"""The page's parts, each from the document that `/status.json` gives. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidecar.admin import drawings
from sidecar.admin.amounts import duration, took
from sidecar.admin.markup import Html, Part, element, joined
from sidecar.admin.verdict import State

Document = Mapping[str, Any]

FACES = {
    "container": "Container endpoint",
    "ecs": "ECS address",
    "imds": "EC2 metadata (IMDS)",
}
CLIENTS = {"none": "names nobody", "unknown": "not known"}
RETRIES = {
    "soon": "It may pass by itself: tried again soon.",
    "new-token": "Tried again as soon as the token file holds a new token.",
    "slowly": "It needs a person: tried again every minute or so.",
}
LONGEST = 600
"""Characters of a claim that are shown: a token holds up to 20 000."""


def left(seconds: float) -> Html:
    """A time that the page's script counts down."""
    return element("span", duration(seconds), data_left=seconds)


def ago(seconds: float) -> Html:
    """A time that the page's script counts up."""
    return joined(element("span", duration(seconds), data_ago=seconds), " ago")


def answer(document: Document) -> Html:
    """What a person came for: the state, in words and as a sign, and how long it will last."""
    state = State(document["state"])
    words = element("h1", document["headline"]), element("p", document["explanation"])
    return element(
        "section",
        element("div", drawings.mark(state), element("div", *words, role="status"), _figure(document), class_="answer"),
        drawings.life(document),
        _ends(document),
        class_="top",
    )


def _figure(document: Document) -> Html:
    """The one number that matters now."""
    if document["seconds_left"] is not None:
        return element("p", element("b", left(document["seconds_left"])), " left", class_="figure")
    return element("p", "next attempt ", element("b", *_next(document)), class_="figure")


def _next(document: Document) -> tuple[Part, ...]:
    if document["next_attempt"] != "planned":
        return (document["next_attempt"],)
    return "in ", left(document["next_attempt_in"])


def _ends(document: Document) -> Html:
    if document["expiration"] is None:
        return element("p", element("span", "nothing is held"), class_="ends")
    ends = (f"issued {_clock(document['issued'])}", f"expires {_clock(document['expiration'])} UTC")
    return element("p", *(element("span", end) for end in ends), class_="ends")


def _clock(timestamp: str) -> str:
    return timestamp[11:19]


def trouble(document: Document) -> Html | None:
    """The failure that lasts, and what to change."""
    error = document["last_error"]
    if error is None:
        return None
    return element(
        "section",
        element("h2", "What is wrong"),
        element(
            "div", element("p", error["cause"]), element("p", element("b", "To do: "), error["fix"]), _about(document)
        ),
        class_="trouble",
    )


def _about(document: Document) -> Html:
    """The names to search for, and to tell AWS support."""
    error, failures = document["last_error"], document["failures"]
    names = [f"AWS says {error['aws_code']}"] if error.get("aws_code") else []
    names += [f"request {error['request_id']}"] if error.get("request_id") else []
    of_aws = f" ({', '.join(names)})" if names else ""
    times = "1 attempt failed" if failures == 1 else f"{failures} attempts failed"
    return element("p", f"{error['code']}{of_aws}. {times}. {RETRIES[error['retry']]}", class_="small")


def credentials(document: Document) -> Html:
    proxy = " through a proxy" if document["sts_by_proxy"] else None
    return _section(
        "Credentials",
        _facts(
            ("Role", _code(document["role"])),
            ("Who am I", _code(document["assumed_role"]) if document["assumed_role"] else "nobody at present"),
            ("STS", joined(_code(document["sts"]), proxy)),
            ("Phase", document["phase"]),
            ("Last issued", _last_success(document["last_success"])),
            ("Next attempt", joined(*_next(document))),
        ),
    )


def _last_success(refresh: Mapping[str, Any] | None) -> Html | str:
    if refresh is None:
        return "never"
    request = element("span", ", request ", _code(refresh["request_id"])) if refresh["request_id"] else None
    return joined(ago(refresh["age"]), f", in {took(refresh['took'])}", request)


def refreshes(document: Document) -> Html:
    made = document["refreshes"]
    rows = (element("li", drawings.sentence(refresh)) for refresh in reversed(made))
    return _section(
        "Refreshes",
        element("p", drawings.summary(made)),
        drawings.latencies(made) if made else None,
        element("p", *_newest(made), class_="small"),
        _mended(document),
        _more("As a list", element("ol", *rows)) if made else None,
    )


def _newest(made: list[Mapping[str, Any]]) -> tuple[Part, ...]:
    if not made:
        return ()
    return "The newest is at the right, ", ago(made[-1]["age"]), ". A dot was issued, a cross failed."


def _mended(document: Document) -> Html | None:
    """The last failure, if it is over."""
    failure = document["last_failure"]
    if failure is None or document["last_error"] is not None:
        return None
    told = f": {failure['code']}. {failure['cause']} {failure['fix']}"
    return element("p", element("b", "Last failure, over now: "), ago(failure["age"]), told, class_="small")


def token(document: Document) -> Html:
    held = document["token"]
    if held is None:
        return _section("Token", _facts(("File", _code(document["token_file"])), ("Content", "no token can be read")))
    return _section(
        "Token",
        _facts(
            ("Subject", _claim(held["subject"])),
            ("Audience", _claim(", ".join(held["audiences"]))),
            ("Issuer", _claim(held["issuer"])),
            ("Pod", _claim("/".join(filter(None, (held["namespace"], held["pod"]))))),
            ("Service account", _claim(held["service_account"])),
            ("Expires", _expiry(held)),
            ("Issued", held["issued"] or "it does not say"),
            ("Rotated", _rotations(document)),
            ("File", _code(document["token_file"])),
        ),
        element("p", "As the token says of itself: only STS verifies it.", class_="small"),
    )


def _expiry(held: Mapping[str, Any]) -> Html | str:
    if held["seconds_left"] is None:
        return "it does not say"
    if held["seconds_left"] <= 0:
        return joined("expired ", ago(-held["seconds_left"]), ", ", held["expiration"])
    return joined("in ", left(held["seconds_left"]), ", ", held["expiration"])


def _rotations(document: Document) -> Html | str:
    seen = document["rotations"]
    if not seen:
        return "not since the sidecar started"
    return joined("once" if seen == 1 else f"{seen} times", ", last ", ago(document["rotated_age"]))


def applications(document: Document) -> Html:
    """The ways to the credentials, and who took them."""
    faces = (_face(face) for face in document["faces"] if face["addresses"])
    return _section("Applications", *faces, _file(document["credentials_file"]), _off(document))


def _face(face: Mapping[str, Any]) -> Html:
    address = _code(", ".join(face["addresses"]))
    title = element("h3", FACES[face["face"]], " ", address)
    if not face["clients"]:
        return joined(title, element("p", "Nobody has asked yet.", class_="small"))
    names = element("tr", *(element("th", name, scope="col") for name in ("client", "requests", "last")))
    rows = (_client(face["face"], client) for client in face["clients"])
    return joined(title, element("table", element("thead", names), element("tbody", *rows)))


def _client(face: str, client: Mapping[str, Any]) -> Html:
    name = CLIENTS.get(client["sdk"], client["sdk"])
    major = "" if client["major"] == "unknown" else f" {client['major']}"
    protocol = "" if client["protocol"] == face else f", by {client['protocol']}"
    cells = (f"{name}{major}{protocol}", f"{client['requests']:,}", ago(client["age"]))
    return element("tr", *(element("td", cell) for cell in cells))


def _file(path: str | None) -> Html | None:
    if path is None:
        return None
    uncounted = element("p", "Kept up to date. Who reads it cannot be counted.", class_="small")
    return joined(element("h3", "Credentials file ", _code(path)), uncounted)


def _off(document: Document) -> Html | None:
    off = [FACES[face["face"]] for face in document["faces"] if not face["addresses"]]
    return element("p", "Off: ", ", ".join(off), ".", class_="small") if off else None


def settings(document: Document) -> Html:
    given = [setting for setting in document["settings"] if setting["given_by"]]
    others = [setting for setting in document["settings"] if not setting["given_by"]]
    return _section("Settings", _table(given), _more(f"{len(others)} by default", _table(others)))


def _table(shown: Iterable[Mapping[str, Any]]) -> Html:
    rows = ((_code(setting["variable"]), joined(*_setting(setting))) for setting in shown)
    return element("div", _facts(*rows), class_="settings")


def _setting(setting: Mapping[str, Any]) -> Iterator[Part]:
    yield "not set" if setting["value"] is None else _code(setting["value"])
    if setting["given_by"] not in {None, setting["variable"]}:
        yield element("span", " by ", setting["given_by"], class_="small")


# --- what they are made of -------------------------------------------------------------------------------------


def _section(title: str, *parts: Part) -> Html:
    return element("section", element("h2", title), element("div", *parts))


def _facts(*facts: tuple[Part, Part]) -> Html:
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts))


def _more(what: str, content: Html) -> Html:
    return element("details", element("summary", what), content)


def _code(text: str) -> Html:
    return element("code", text)


def _claim(text: str) -> Html | str:
    if not text:
        return "it does not say"
    return _code(text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)")
