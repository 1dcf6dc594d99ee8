"""The page's parts about applications: who was served, by which way, and whose requests were refused. Pure."""

from collections.abc import Iterable
from pathlib import Path

from sidecar.admin.blocks import ago, code, prose, section
from sidecar.admin.markup import Html, element, joined
from sidecar.faces.registry import FACES
from sidecar.observe.sdk_family import NONE, UNKNOWN, Sdk
from sidecar.observe.snapshot import ClientSnapshot, FaceSnapshot, RefusalSnapshot, RoleSnapshot, Snapshot

FACE_TITLES = {face.name: face.title for face in FACES}
CLIENT_NAMES = {NONE: "no User-Agent", UNKNOWN: "unknown"}


def refused(role: RoleSnapshot) -> Html | None:
    """The mistakes that were refused lately, and what to change."""
    if not role.refusals:
        return None
    return element(
        "section",
        element("h2", "What is refused"),
        element("div", *(_refusal(kind) for kind in role.refusals)),
        class_="trouble",
    )


def _refusal(kind: RefusalSnapshot) -> Html:
    times = "once" if kind.times == 1 else f"{kind.times:,} times"
    about = (
        f"{kind.refusal.code} ({kind.status}), {times} on {kind.protocol}, last by {_name(kind.sdk)} ",
        ago(kind.age),
    )
    return joined(
        element("p", prose(kind.refusal.cause)),
        element("p", element("b", "Fix: "), prose(kind.refusal.fix)),
        element("p", *about, ".", class_="small"),
    )


def applications(snapshot: Snapshot) -> Html:
    """The ways to the credentials, and who took them."""
    faces = (_face(face) for face in snapshot.faces if face.addresses)
    return section("Applications", *faces, _file(snapshot.credentials_file), _off(snapshot.faces))


def _face(face: FaceSnapshot) -> Html:
    address = code(", ".join(face.addresses))
    title = element("h3", FACE_TITLES[face.name], " ", address)
    if not face.clients:
        return joined(title, element("p", "No requests yet.", class_="small"))
    names = element("tr", *(element("th", name, scope="col") for name in ("client", "served", "refused", "last")))
    rows = (_client(face.name, client) for client in face.clients)
    return joined(title, element("table", element("thead", names), element("tbody", *rows)))


def _client(face: str, client: ClientSnapshot) -> Html:
    protocol = "" if client.protocol == face else f", over {client.protocol}"
    cells = (f"{_name(client.sdk)}{protocol}", f"{client.served:,}", f"{client.refused:,}", ago(client.age))
    return element("tr", *(element("td", cell) for cell in cells))


def _name(sdk: Sdk) -> str:
    major = "" if sdk.major == UNKNOWN else f" {sdk.major}"
    return f"{CLIENT_NAMES.get(sdk.family, sdk.family)}{major}"


def _file(path: Path | None) -> Html | None:
    if path is None:
        return None
    uncounted = element("p", "Rewritten at each refresh. Its readers cannot be counted.", class_="small")
    return joined(element("h3", "Credentials file ", code(str(path))), uncounted)


def _off(faces: Iterable[FaceSnapshot]) -> Html | None:
    off = [FACE_TITLES[face.name] for face in faces if not face.addresses]
    return element("p", "Off: ", ", ".join(off), ".", class_="small") if off else None
