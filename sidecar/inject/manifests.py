"""Manifests as text: splits files into documents and puts each change into the text.

Only documents that may hold a workload, or what concerns one, are parsed; all others pass byte for byte.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.findings import Level
from sidecar.inject.custom_resources import RUN_AS_WRITTEN
from sidecar.inject.injection import ChangedDocument
from sidecar.inject.places import nearest
from sidecar.inject.surroundings import Surroundings, surroundings_of
from sidecar.inject.workloads import TEMPLATE, workloads
from sidecar.inject.yaml_edits import CannotEdit, rewritten
from sidecar.inject.yaml_text import MOST_VALUES
from sidecar.positioned_yaml import Node, NotYaml, TooManyValues, ValueBudget, parse

_BOUNDARY = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_KINDS = "|".join([*TEMPLATE, *(kind for kinds in RUN_AS_WRITTEN.values() for kind in kinds)])
_MATTERS = re.compile(rf"""kind["']?\s*:[\s"'|>+-]*({_KINDS}|ServiceAccount|\w*List)\b""")
_MAY_MATTER = re.compile(r"""kind["']?\s*:[\s"'|>+-]*(ConfigMap|Secret|RuntimeClass)\b""")
"""What decides what becomes of a pod. If such a document is no YAML, it is passed by."""
_CONTAINERS, _IMAGES = re.compile(r"""\b(containers?|steps)["']?\s*:"""), re.compile(r"""\bimage["']?\s*:""")
_DEFINITION = re.compile(r"""^kind["']?\s*:\s*["']?CustomResourceDefinition\b""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Amount:
    """How much is in a text that is worked on, and so what it takes of time and memory."""

    documents: int = 0
    values: int = 0
    workloads: int = 0
    characters: int = 0

    def __add__(self, other: "_Amount") -> "_Amount":
        return _Amount(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def beyond(self, most: "_Amount") -> str:
        """What there is too much of, "" for nothing."""
        exceeded = (name for name in self.__slots__ if getattr(self, name) > getattr(most, name))
        return next((f"more than {getattr(most, name)} {name}" for name in exceeded), "")


_OF_DOCUMENT = _Amount(MOST_VALUES, MOST_VALUES, 250, 2 << 20)
"""A List of 80 live objects has some 30000 values. A value takes up to a kilobyte, a workload 70."""
_OF_FILE = _Amount(10_000, 120_000, 800, 6 << 20)
"""A workload takes 4 ms of a processor. Of documents that are not worked on only the number counts."""
SPLIT = "split it, and give each part with an -f of its own"
_SPLIT_LIST = "make the objects of a List documents of their own, or split it"


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
    """The parts of a file; joined, their texts are the file. Raises `BadManifest`, for more than is worked on too."""
    found_parts: list[ManifestPart] = []
    line, amount = 1, _Amount()
    for piece in _pieces(content):
        part, of_part = _read(file, line, piece)
        found_parts.append(part)
        amount += of_part
        if excess := amount.beyond(_OF_FILE):
            raise BadManifest(f"{file}:{line}: error: the file has {excess}; {SPLIT}.")
        line += piece.count("\n")
    return found_parts


def _pieces(content: str) -> Iterator[str]:
    at = 0
    for boundary in _BOUNDARY.finditer(content):
        yield content[at : boundary.start()]
        at = boundary.start()
    yield content[at:]


def _read(file: str, line: int, piece: str) -> tuple[ManifestPart, _Amount]:
    matters = bool(_MATTERS.search(piece))
    if not matters and not _may_matter(piece):
        return ManifestPart(file, line, piece, ()), _Amount(documents=1)
    budget = ValueBudget(_OF_DOCUMENT.values)
    text_only = _Amount(1, characters=len(piece))
    _check_document(file, line, text_only)
    part = ManifestPart(file, line, piece, _documents(file, line, piece, budget, matters=matters))
    count = sum(1 for data in part.data() for _ in workloads(data))
    amount = text_only + _Amount(values=budget.most - budget.left, workloads=count)
    _check_document(file, line, amount)
    return part, amount


def _check_document(file: str, line: int, amount: _Amount) -> None:
    if excess := amount.beyond(_OF_DOCUMENT):
        raise BadManifest(f"{file}:{line}: error: the document has {excess}; {_SPLIT_LIST}.")


def _documents(file: str, line: int, piece: str, budget: ValueBudget, *, matters: bool) -> tuple[Node, ...]:
    try:
        return tuple(parse(piece, budget))
    except TooManyValues as error:
        raise BadManifest(f"{file}:{line + error.line - 1}: error: {error}; {_SPLIT_LIST}.") from None
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
