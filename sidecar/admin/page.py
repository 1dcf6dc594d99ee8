"""`/status` as a page: complete without its script, self-contained, and bound to that by its own security policy.

The script only counts seconds and fetches the page again: what it then shows is what the server wrote, so there is one
renderer, and no text reaches the page by another way than `markup`.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sidecar.admin import applications, sections
from sidecar.admin.all_roles import all_roles
from sidecar.admin.amounts import date_and_time
from sidecar.admin.drawings import MARKS
from sidecar.admin.health import Health, HealthState, health
from sidecar.admin.markup import Html, element
from sidecar.core.claims import NO_CLAIMS
from sidecar.observe.snapshot import Snapshot

RELOAD = 10
"""Seconds between two loads of a browser without JavaScript."""
TINTS = {
    HealthState.HEALTHY: "#17703f",
    HealthState.STARTING: "#55606e",
    HealthState.WARNING: "#8a5a00",
    HealthState.DOWN: "#b3261e",
    HealthState.STOPPING: "#55606e",
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


def page(snapshot: Snapshot, base: str = "") -> bytes:
    """The page about this snapshot. `base`: what leads from it to the pages beside `/status`."""
    answer = _named(health(snapshot.role), snapshot)
    html = element("html", _head(snapshot, answer), _body(snapshot, answer, base), lang="en")
    return f"<!doctype html>\n{html}\n".encode()


def _named(answer: Health, snapshot: Snapshot) -> Health:
    """With the name of the role that it is about, where there are several."""
    if len(snapshot.roles) == 1:
        return answer
    return replace(answer, headline=f"{snapshot.role.name}: {answer.headline}")


def _head(snapshot: Snapshot, answer: Health) -> Html:
    reload = element("meta", http_equiv="refresh", content=RELOAD)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{answer.headline}: {_pod(snapshot)}"),
        element("link", rel="icon", href=_icon(answer.state)),
        element("noscript", reload),
        element("style", _text("status.css")),
    )


def _body(snapshot: Snapshot, answer: Health, base: str) -> Html:
    unwell = answer.state is not HealthState.HEALTHY
    return element(
        "body",
        element("header", element("b", "irsa-sidecar"), element("span", _pod(snapshot)), _seen(snapshot)),
        _unreachable(),
        element(
            "main",
            sections.answer(snapshot.role, answer),
            all_roles(snapshot, base),
            sections.trouble(snapshot.role),
            sections.config_file(snapshot.config_file),
            applications.refused(snapshot.role),
            sections.credentials(snapshot),
            sections.refreshes(snapshot),
            sections.token(snapshot, unfolded=unwell),
            applications.applications(snapshot),
            sections.settings(snapshot.settings, unfolded=unwell),
        ),
        _footer(snapshot, base),
        element("script", _text("status.js")),
        class_=answer.state.value,
    )


def _pod(snapshot: Snapshot) -> str:
    token = snapshot.role.token
    claims = NO_CLAIMS if token is None else token.claims
    return "/".join(filter(None, (claims.namespace, claims.pod))) or "pod unknown (no token read yet)"


def _seen(snapshot: Snapshot) -> Html:
    again = element("noscript", f", reloads every {RELOAD} s")
    return element("span", f"as of {date_and_time(snapshot.taken_at)} UTC", again, class_="seen")


def _unreachable() -> Html:
    """Shown by the script alone."""
    alert = element("p", "The sidecar does not answer.", role="alert")
    age = element("p", "This page shows its state of ", element("span", id="age"), " ago.")
    return element("aside", alert, age, id="unreachable", aria_label="Connection", hidden="hidden")


def _footer(snapshot: Snapshot, base: str) -> Html:
    links = (element("a", name, href=f"{base}{name}") for name in LINKS)
    return element("footer", element("span", f"version {snapshot.version}"), *links)


def _icon(state: HealthState) -> str:
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
