"""The outcomes as lines for the terminal, and as two tables that the READMEs carry."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_lowercase

from tests.clients.catalogue import CLIENTS
from tests.clients.cells import Cell, Outcome
from tests.clients.expected import reason
from tests.clients.faces import ACROSS_A_REFRESH, ONE_RUN, PROCESS, Column

HERE = Path(__file__).parent
OWN_README, TOP_README = HERE / "README.md", HERE.parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- clients: made by `make clients` -->\n).*?(<!-- end -->)", re.DOTALL)
ONE_RUN_IS = """\
One run: how many requests the sidecar answered until the client had called GetCallerIdentity. A letter: it cannot, \
and the reason is below."""
ACROSS_IS = """\
Across a refresh: the same process goes on, one call a second, without an error, until it signs with the next key."""

SEEN_AS_IS = """\
What `irsa_sidecar_client_requests_total` takes them for, by the User-Agent that each sends with these requests:"""
KINDS = ("container", "ecs", "imds", "imds-v1")


def line(outcome: Outcome) -> str:
    """Client, version, face, result and requests, in columns."""
    cell = outcome.cell
    face = f"{cell.face.name}, refresh" if cell.across_a_refresh else cell.face.name
    why = reason(cell)
    result = "ok" if outcome.works else f"cannot: {why}" if why else "FAILED"
    return f"{cell.client.name:<37} {outcome.version:<10} {face:<35} {outcome.requests:>3}  {result}"


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Both tables, and the reasons for what cannot work."""
    notes = _Notes()
    one_run = _matrix(outcomes, ONE_RUN, notes)
    across = _matrix(outcomes, ACROSS_A_REFRESH, notes)
    parts = (ONE_RUN_IS, one_run, ACROSS_IS, across, notes.as_markdown(), SEEN_AS_IS, _seen_as(outcomes))
    return "\n\n".join(parts)


def publish(outcomes: Sequence[Outcome]) -> None:
    """Write the tables into this folder's README, and into the top one where it has room for them."""
    block = as_markdown(outcomes)
    for readme in (OWN_README, TOP_README):
        text = readme.read_text(encoding="utf-8")
        readme.write_text(BLOCK.sub(lambda found: f"{found[1]}{block}\n{found[2]}", text), encoding="utf-8")


class _Notes:
    """Reasons, each with a letter of its own."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letter(self, why: str) -> str:
        return self._letters.setdefault(why, ascii_lowercase[len(self._letters)])

    def as_markdown(self) -> str:
        return "\n".join(f"- {letter}: {why}" for why, letter in self._letters.items())


def _matrix(outcomes: Sequence[Outcome], columns: Sequence[Column], notes: _Notes) -> str:
    found = {outcome.cell: outcome for outcome in outcomes}
    lines = ["| client | version | " + " | ".join(face.name for _, face in columns) + " |"]
    lines.append("| --- | --- |" + " --- |" * len(columns))
    for client in CLIENTS:
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
