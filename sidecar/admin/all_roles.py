"""The page's part about all roles, where there are several: the worst first, each with a page of its own."""

from urllib.parse import quote

from sidecar.admin.blocks import left, section
from sidecar.admin.health import health
from sidecar.admin.markup import Content, Html, element
from sidecar.observe.snapshot import RoleSnapshot, Snapshot

COLUMNS = ("role", "left", "failed", "state")


def all_roles(snapshot: Snapshot, base: str) -> Html | None:
    """`base`: leads from this page to that of `/status`'s directory."""
    if len(snapshot.roles) == 1:
        return None
    names = element("tr", *(element("th", name, scope="col") for name in COLUMNS))
    rows = (_row(role, base, shown=role.name == snapshot.role.name) for role in snapshot.roles)
    return section("Roles", element("table", element("thead", names), element("tbody", *rows)))


def _row(role: RoleSnapshot, base: str, *, shown: bool) -> Html:
    link = element("a", role.name, href=f"{base}status/{quote(role.name, safe='')}")
    name = element("b", link) if shown else link
    cells: tuple[Content, ...] = (name, _left(role), str(role.failures), _state(role))
    return element("tr", *(element("td", cell) for cell in cells))


def _left(role: RoleSnapshot) -> Content:
    return "none" if role.session is None else left(role.session.seconds_left)


def _state(role: RoleSnapshot) -> str:
    """In words, and why, as far as a word goes."""
    words = health(role).headline
    code = f": {role.last_error.code}" if role.last_error else ""
    return f"{words}{code}{', required' if role.required else ''}"
