"""The outcomes as lines for the terminal, and as the tables of docs/clients.md."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_lowercase

from tests.clients.catalogue import CLIENTS, WITH_A_ROLE_EACH, Client
from tests.clients.cells import Cell, Outcome
from tests.clients.expected import reason
from tests.clients.faces import ACROSS_A_REFRESH, ONE_RUN, PROCESS, WITH_ROLES, Column

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BLOCK = re.compile(r"(<!-- clients: made by `make clients` -->\n).*?(<!-- end -->)", re.DOTALL)
ONE_RUN_IS = """\
Numbers: requests that the sidecar answered before the client's first successful GetCallerIdentity. A letter: the \
client cannot use this route (notes below)."""
ACROSS_IS = """\
Across a refresh. `yes`: one process called once a second, without an error, until it signed with the refreshed key."""
ROLES_ARE = """\
Roles of their own ([roles.md](roles.md#a-role-for-each-container)), across a refresh, too: FULL_URI with the role's \
name, the role's token in a file that the sidecar made. An old SDK gets the file's content in \
`AWS_CONTAINER_AUTHORIZATION_TOKEN` from its entry point. Both roles are in one sidecar."""
SEEN_AS_IS = """\
The labels `sdk` and `major` of `irsa_sidecar_client_requests_total`, from the User-Agent of these requests \
(`none`: the client sends no User-Agent):"""
KINDS = ("container", "ecs", "imds", "imds-v1")


def line(outcome: Outcome) -> str:
    """Client, version, face, result and requests, in columns."""
    cell = outcome.cell
    face = f"{cell.face.name}, refresh" if cell.across_a_refresh else cell.face.name
    why = reason(cell)
    result = "ok" if outcome.works else f"cannot: {why}" if why else "FAILED"
    return f"{cell.client.name:<37} {outcome.version:<10} {face:<35} {outcome.requests:>3}  {result}"


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """The tables, and the reasons for what cannot work."""
    notes = _Notes()
    one_run = _matrix(outcomes, CLIENTS, ONE_RUN, notes)
    across = _matrix(outcomes, CLIENTS, ACROSS_A_REFRESH, notes)
    roles = _matrix(outcomes, WITH_A_ROLE_EACH, WITH_ROLES, notes)
    parts = [ONE_RUN_IS, one_run, ACROSS_IS, across, notes.as_markdown(), ROLES_ARE, roles]
    return "\n\n".join((*parts, SEEN_AS_IS, _seen_as(outcomes)))


def publish(outcomes: Sequence[Outcome]) -> None:
    """Write the tables into the page. Raises ValueError if it has not exactly one place for them."""
    block = as_markdown(outcomes)
    text, found = BLOCK.subn(lambda found: f"{found[1]}{block}\n{found[2]}", PAGE.read_text(encoding="utf-8"))
    if found != 1:
        raise ValueError(f"{PAGE.name} has {found} blocks named clients; one is needed.")
    PAGE.write_text(text, encoding="utf-8")


class _Notes:
    """Reasons, each with a letter of its own."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letter(self, why: str) -> str:
        return self._letters.setdefault(why, ascii_lowercase[len(self._letters)])

    def as_markdown(self) -> str:
        return "\n".join(f"- {letter}: {why}" for why, letter in self._letters.items())


def _matrix(outcomes: Sequence[Outcome], clients: Sequence[Client], columns: Sequence[Column], notes: _Notes) -> str:
    found = {outcome.cell: outcome for outcome in outcomes}
    lines = ["| client | version | " + " | ".join(face.name for _, face in columns) + " |"]
    lines.append("| --- | --- |" + " --- |" * len(columns))
    for client in clients:
        row = [found.get(Cell(scenario, client, face)) for scenario, face in columns]
        if any(row):
            lines.append(f"| {client.name} | {_version(row)} | " + " | ".join(_entries(row, notes)) + " |")
    return "\n".join(lines)


def _version(row: Sequence[Outcome | None]) -> str:
    return next((outcome.version for outcome in row if outcome and outcome.version), "")


def _entries(row: Sequence[Outcome | None], notes: _Notes) -> Iterator[str]:
    for outcome in row:
        why = outcome and reason(outcome.cell)
        if outcome is None:
            yield ""
        elif outcome.works:
            yield "yes" if outcome.cell.across_a_refresh else str(outcome.requests)
        else:
            yield notes.letter(why) if why else "**failed**"


def _seen_as(outcomes: Sequence[Outcome]) -> str:
    lines = ["| client | " + " | ".join(f"`{kind}`" for kind in KINDS) + " |", "| --- |" + " --- |" * len(KINDS)]
    own = [outcome for outcome in outcomes if outcome.cell.face is not PROCESS]
    for client in CLIENTS:
        kinds = set().union(*(outcome.kinds for outcome in own if outcome.cell.client is client))
        seen = [", ".join(sorted(f"{kind.sdk} {kind.major}" for kind in kinds if kind.face == face)) for face in KINDS]
        lines.append(f"| {client.name} | " + " | ".join(seen) + " |")
    return "\n".join(lines)
