"""`/status` as a page: complete without its script, self-contained, and bound to that by its own security policy.

The script only counts seconds and fetches the page again: what it then shows is what the server wrote, so there is one
renderer, and no text reaches the page by another way than `markup`.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sidecar.admin import sections
from sidecar.admin.drawings import MARKS
from sidecar.admin.markup import Html, element
from sidecar.admin.verdict import State

RELOAD = 10
"""Seconds between two looks of a browser without JavaScript."""
TINTS = {
    State.HEALTHY: "#17703f",
    State.STARTING: "#55606e",
    State.WARNING: "#8a5a00",
    State.DOWN: "#b3261e",
    State.STOPPING: "#55606e",
}
LINKS = ("status.json", "readyz", "livez", "metrics")


@cache
def headers() -> Mapping[str, str]:
    """Nothing may be loaded, run, framed or sent but the page's own style and script, and the page itself again."""
    policy = (
        "default-src 'none'",
        f"style-src '{_digest(_text('status.css'))}'",
        f"script-src '{_digest(_text('status.js'))}'",
        "img-src data:",
        "connect-src 'self'",
        *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def page(document: Mapping[str, Any]) -> bytes:
    """The page about this document."""
    html = element("html", _head(document), _body(document), lang="en")
    return f"<!doctype html>\n{html}\n".encode()


def _head(document: Mapping[str, Any]) -> Html:
    reload = element("meta", http_equiv="refresh", content=RELOAD)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{document['headline']}: {_pod(document)}"),
        element("link", rel="icon", href=_icon(State(document["state"]))),
        element("noscript", reload),
        element("style", _text("status.css")),
    )


def _body(document: Mapping[str, Any]) -> Html:
    return element(
        "body",
        element("header", element("b", "irsa-sidecar"), element("span", _pod(document)), _seen(document)),
        _unreachable(),
        element(
            "main",
            sections.answer(document),
            sections.trouble(document),
            sections.credentials(document),
            sections.refreshes(document),
            sections.token(document),
            sections.applications(document),
            sections.settings(document),
        ),
        _footer(document),
        element("script", _text("status.js")),
        class_=document["state"],
    )


def _pod(document: Mapping[str, Any]) -> str:
    token = document["token"] or {}
    return "/".join(filter(None, (token.get("namespace"), token.get("pod")))) or "a pod not known yet"


def _seen(document: Mapping[str, Any]) -> Html:
    again = element("noscript", f", looks again every {RELOAD} s")
    return element("span", f"as of {document['now'][11:19]} UTC", again, class_="seen")


def _unreachable() -> Html:
    """Shown by the script alone."""
    said = element("p", "The sidecar does not answer.", role="alert")
    age = element("p", "What you see is how things stood ", element("span", id="age"), " ago.")
    return element("aside", said, age, id="unreachable", aria_label="Connection", hidden="hidden")


def _footer(document: Mapping[str, Any]) -> Html:
    links = (element("a", name, href=name) for name in LINKS)
    return element("footer", element("span", f"version {document['version']}"), *links)


def _icon(state: State) -> str:
    """The mark, for the tab: a text, since a policy that allows data: needs no request."""
    disc = f"<circle cx='12' cy='12' r='12' fill='{TINTS[state]}'/>"
    line = f"<path d='{MARKS[state]}' fill='none' stroke='#fff' stroke-width='2.5'/>"
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'>{disc}{line}</svg>"
    return f"data:image/svg+xml,{quote(drawing)}"


@cache
def _text(name: str) -> Html:
    """A file of the package. Read at the first request: most sidecars are never looked at."""
    return Html(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
