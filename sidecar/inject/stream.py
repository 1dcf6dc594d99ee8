"""Manifests as text: files with many documents in, the same text with the sidecar out.

Only documents that can matter are read as YAML; all others pass as they are, byte for byte.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.findings import Level
from sidecar.inject.edits import CannotEdit, rewritten
from sidecar.inject.injection import Outcome
from sidecar.inject.options import Account
from sidecar.inject.places import nearest
from sidecar.inject.workloads import TEMPLATE, items_of, mapping, text, workloads
from sidecar.positioned_yaml import Node, NotYaml, parse

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"

_BOUNDARY = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_MATTERS = re.compile(rf"""kind["']?\s*:[\s"'|>+-]*({"|".join(TEMPLATE)}|ServiceAccount|\w*List)\b""")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file from one `---` to the next, which begins on `line` (from 1)."""

    file: str
    line: int
    text: str = field(repr=False)
    documents: tuple[Node, ...] = field(repr=False)

    def data(self) -> list[Any]:
        return [node.data() for node in self.documents]


@dataclass(frozen=True, slots=True)
class Said:
    """A finding with its place in a file."""

    level: Level
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.message}"


class BadManifest(ValueError):
    """A file that is no YAML. Says the file and the line."""


Change = Callable[[Any], Outcome]


def parts(file: str, content: str) -> list[Part]:
    """The parts of a file; read together, they are the file. Raises `BadManifest`."""
    found_parts, line = [], 1
    for piece in _BOUNDARY.split(content):
        found_parts.append(Part(file, line, piece, _read(file, line, piece)))
        line += piece.count("\n")
    return found_parts


def _read(file: str, line: int, piece: str) -> tuple[Node, ...]:
    if not _MATTERS.search(piece):
        return ()
    try:
        return tuple(parse(piece))
    except NotYaml as error:
        hint = " Render a Helm template first: helm template CHART | irsa-sidecar inject -f -" if "{{" in piece else ""
        raise BadManifest(f"{file}:{line + error.line - 1}: error: not YAML: {error}.{hint}") from None


def accounts(read: Iterable[Part]) -> tuple[Account, ...]:
    """The service accounts that name a role."""
    return tuple(_accounts(read))


def _accounts(read: Iterable[Part]) -> Iterator[Account]:
    for document in (item for part in read for data in part.data() for item in items_of(data)):
        metadata = mapping(document, "metadata")
        role_arn = text(mapping(metadata, "annotations"), ROLE_ANNOTATION)
        if document.get("kind") == "ServiceAccount" and role_arn:
            yield Account(text(metadata, "namespace"), text(metadata, "name"), role_arn)


def has_workload(read: Iterable[Part], only: frozenset[str]) -> bool:
    return any(True for part in read for data in part.data() for _ in workloads(data, only))


def changed(part: Part, change: Change, without: Change) -> tuple[str, list[Said]]:
    """The part's text after `change`, and what is to be said about it.

    What is there of an older sidecar is taken out first (`without`), so that the text is as if it had never been.
    """
    before = part.data()
    outcomes = [change(data) for data in before]
    said = [_said(part, node, outcome) for node, outcome in zip(part.documents, outcomes, strict=True)]
    after = [outcome.document for outcome in outcomes]
    told = [line for lines in said for line in lines]
    if after == before:
        return part.text, told
    try:
        bare = rewritten(part.text, [without(data).document for data in before])
        return rewritten(bare, after), told
    except CannotEdit:
        return part.text, [*told, _not_editable(part)]


def _said(part: Part, node: Node, outcome: Outcome) -> list[Said]:
    return [
        Said(finding.level, part.file, _line(part, nearest(node, finding.where)), finding.message)
        for finding in outcome.findings
    ]


def _line(part: Part, node: Node) -> int:
    return part.line + part.text.count("\n", 0, node.start)


def _not_editable(part: Part) -> Said:
    return Said(
        Level.ERROR,
        part.file,
        _line(part, part.documents[0]),
        "this YAML cannot be changed in place, perhaps for what an anchor shares would have to differ. Write it out "
        "without anchors first: kubectl create --dry-run=client -o yaml -f FILE",
    )
