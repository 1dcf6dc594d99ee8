"""Manifests as text: splits files into documents and puts each change into the text.

Only documents that may hold a workload, or what concerns one, are parsed; all others pass byte for byte.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.findings import Level
from sidecar.inject.custom_resources import RUN_AS_WRITTEN
from sidecar.inject.injection import ChangedDocument
from sidecar.inject.places import nearest
from sidecar.inject.surroundings import Surroundings, surroundings_of
from sidecar.inject.workloads import TEMPLATE, workloads
from sidecar.inject.yaml_edits import CannotEdit, rewritten
from sidecar.inject.yaml_text import read_manifest
from sidecar.positioned_yaml import Node, NotYaml

_BOUNDARY = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_KINDS = "|".join([*TEMPLATE, *(kind for kinds in RUN_AS_WRITTEN.values() for kind in kinds)])
_MATTERS = re.compile(rf"""kind["']?\s*:[\s"'|>+-]*({_KINDS}|ServiceAccount|\w*List)\b""")
_MAY_MATTER = re.compile(r"""kind["']?\s*:[\s"'|>+-]*(ConfigMap|Secret|RuntimeClass)\b""")
"""What decides what becomes of a pod. If such a document is no YAML, it is passed by."""
_CONTAINERS, _IMAGES = re.compile(r"""\b(containers?|steps)["']?\s*:"""), re.compile(r"""\bimage["']?\s*:""")
_DEFINITION = re.compile(r"""^kind["']?\s*:\s*["']?CustomResourceDefinition\b""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ManifestPart:
    """The text of a file from one `---` to the next; `line` is where it begins (from 1)."""

    file: str
    line: int
    text: str = field(repr=False)
    documents: tuple[Node, ...] = field(repr=False)

    def data(self) -> list[Any]:
        return [node.data() for node in self.documents]


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A finding with its file and line."""

    level: Level
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.message}"


class BadManifest(ValueError):
    """A file that is not YAML. The message names the file and the line."""


Change = Callable[[Any], ChangedDocument]


def parts(file: str, content: str) -> list[ManifestPart]:
    """The parts of a file; joined, their texts are the file. Raises `BadManifest`."""
    found_parts, line = [], 1
    for piece in _BOUNDARY.split(content):
        found_parts.append(ManifestPart(file, line, piece, _read(file, line, piece)))
        line += piece.count("\n")
    return found_parts


def _read(file: str, line: int, piece: str) -> tuple[Node, ...]:
    matters = _MATTERS.search(piece)
    if not matters and not _may_matter(piece):
        return ()
    try:
        return tuple(read_manifest(piece))
    except NotYaml as error:
        if not matters:
            return ()
        hint = " Render a Helm template first: helm template CHART | irsa-sidecar inject -f -" if "{{" in piece else ""
        raise BadManifest(f"{file}:{line + error.line - 1}: error: not YAML: {error}.{hint}") from None


def _may_matter(piece: str) -> bool:
    """Whether it holds something for pods, or is a custom resource with containers."""
    if _MAY_MATTER.search(piece):
        return True
    return bool(_CONTAINERS.search(piece) and _IMAGES.search(piece) and not _DEFINITION.search(piece))


def surroundings(read: Iterable[ManifestPart]) -> Surroundings:
    """What else is in the files."""
    return surroundings_of(data for part in read for data in part.data())


def has_workload(read: Iterable[ManifestPart], only: frozenset[str]) -> bool:
    return any(True for part in read for data in part.data() for _ in workloads(data, only))


def changed(part: ManifestPart, change: Change, without: Change) -> tuple[str, list[PlacedFinding]]:
    """The part's text after `change`, and the findings.

    An older sidecar is removed from the text first (`without`), so that nothing of it remains.
    """
    before = part.data()
    outcomes = [change(data) for data in before]
    placed = [_placed(part, node, outcome) for node, outcome in zip(part.documents, outcomes, strict=True)]
    after = [outcome.document for outcome in outcomes]
    findings = [finding for of_document in placed for finding in of_document]
    if after == before:
        return part.text, findings
    try:
        bare, documents = rewritten(part.text, part.documents, [without(data).document for data in before])
        return rewritten(bare, documents, after)[0], findings
    except CannotEdit:
        return part.text, [*findings, _not_editable(part)]


def _placed(part: ManifestPart, node: Node, outcome: ChangedDocument) -> list[PlacedFinding]:
    return [
        PlacedFinding(finding.level, part.file, _line(part, nearest(node, finding.where)), finding.message)
        for finding in outcome.findings
    ]


def _line(part: ManifestPart, node: Node) -> int:
    return part.line + part.text.count("\n", 0, node.start)


def _not_editable(part: ManifestPart) -> PlacedFinding:
    return PlacedFinding(
        Level.ERROR,
        part.file,
        _line(part, part.documents[0]),
        "this YAML cannot be changed in place, perhaps because what an anchor shares would have to differ. Write it "
        "without anchors first: kubectl create --dry-run=client -o yaml -f FILE",
    )
