"""Adds the sidecar to a document, or removes it. Pure: no file, no clock; any mapping and list types will do."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sidecar.core.findings import Finding, Level, Where
from sidecar.inject import annotation, checks, shape
from sidecar.inject.asked_roles import with_asked_roles
from sidecar.inject.identity import identity_of
from sidecar.inject.merge import merge, take_out
from sidecar.inject.names import RECORD_ANNOTATION, SIDECAR
from sidecar.inject.options import Options
from sidecar.inject.patch import patch_for, selected
from sidecar.inject.shadows import sources
from sidecar.inject.workloads import Tree, Workload, mapping, named, references, text, unknown_containers, workloads


@dataclass(frozen=True, slots=True)
class ChangedDocument:
    """The document after the change, and the findings. With an error among them, the document is unchanged."""

    document: Any
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        return any(finding.level is Level.ERROR for finding in self.findings)


def inject(document: Any, options: Options) -> ChangedDocument:
    """`document` with the sidecar in each workload, or updated where there is one. Changes no argument."""
    changed = deepcopy(document)
    found = [finding for workload in workloads(changed, options.only) for finding in _inject(workload, options)]
    found += [_left_alone(*unknown) for unknown in unknown_containers(document, options.only)]
    found += _elsewhere(document, options)
    outcome = ChangedDocument(changed, tuple(found))
    return ChangedDocument(document, outcome.findings) if outcome.refused else outcome


def _left_alone(label: str, path: Where) -> Finding:
    return Finding(
        level=Level.WARNING,
        where=path,
        message=f"{label}: unchanged, though there are containers in it: what its controller makes of them is not "
        "known here. Add the sidecar as manifests/pod.yaml shows, or let the cluster add it to the pods: see "
        'docs/inject.md, "Custom resources".',
    )


def _elsewhere(document: Any, options: Options) -> Iterator[Finding]:
    for label, other, path in references(document, options.only):
        if other not in options.surroundings.workloads:
            message = f"{label}: its pods are made from {other}, which is not in these files; inject into that."
            yield Finding(level=Level.WARNING, where=path, message=message)


def remove(document: Any, only: frozenset[str] = frozenset()) -> ChangedDocument:
    """`document` without the sidecar and what came with it. Changes no argument."""
    changed = deepcopy(document)
    found = [finding for workload in workloads(changed, only) for finding in _remove(workload)]
    outcome = ChangedDocument(changed, tuple(found))
    return ChangedDocument(document, outcome.findings) if outcome.refused else outcome


def _inject(workload: Workload, options: Options) -> Iterator[Finding]:
    by_hand, place = annotation.written_by_hand(workload.pod), _place(workload.pod)
    had_one = annotation.sidecar_in(workload.pod) is not None
    wrong = list(_remove(workload))
    if wrong:
        yield from wrong
        return
    if not any(selected(container, options) for container in annotation.containers(workload.pod)):
        yield _none_selected(workload, had_one=had_one)
        return
    asked = with_asked_roles(workload, options)
    if by_hand is not None:
        yield _replaced(workload, by_hand, asked.options)
    yield from asked.findings
    identity = identity_of(workload, asked.options)
    yield from identity.findings
    yield from checks.findings(workload, asked.options)
    _add(workload.pod, identity.options, identity.role_arn, place)


def _none_selected(workload: Workload, *, had_one: bool) -> Finding:
    outcome = "the sidecar that it had is removed" if had_one else "unchanged"
    message = f"{workload}: has none of the containers that --container names; {outcome}."
    return Finding(level=Level.WARNING, where=workload.path, message=message)


def _remove(workload: Workload) -> Iterator[Finding]:
    """Removes a sidecar that is there. All findings are errors; if there is one, nothing was changed."""
    wrong = list(shape.malformed(workload)) or list(_only_the_sidecar(workload))
    if wrong:
        yield from wrong
        return
    try:
        take_out(workload.pod, annotation.of(workload.pod))
    except annotation.Unreadable:
        yield Finding(
            level=Level.ERROR,
            where=(*workload.path, "metadata", "annotations", RECORD_ANNOTATION),
            message=f"{workload}: the annotation {RECORD_ANNOTATION} was changed after inject wrote it; restore it, "
            "or delete it; then inject removes only what surely belongs to the sidecar.",
        )


def _only_the_sidecar(workload: Workload) -> Iterator[Finding]:
    """An application that has the sidecar's name."""
    if all(container.get("name") == SIDECAR for container in named(mapping(workload.pod, "spec"), "containers")):
        message = f"{workload}: its only container is called {SIDECAR}, as the sidecar is; rename it."
        yield Finding(level=Level.ERROR, where=(*workload.path, "spec", "containers"), message=message)


def _place(pod: Tree) -> int:
    """The index of the sidecar among the init containers, some of which may have to precede it; else 0."""
    found = [container.get("name") for container in named(mapping(pod, "spec"), "initContainers")]
    return found.index(SIDECAR) if SIDECAR in found else 0


def _add(pod: Tree, options: Options, role_arn: str, place: int) -> None:
    grown = merge(pod, patch_for(pod, options, role_arn, place))
    _move_last(pod["spec"]["containers" if options.classic else "initContainers"], 0 if options.classic else place)
    pod["metadata"]["annotations"][RECORD_ANNOTATION] = annotation.written(grown)


def _move_last(containers: list[Tree], place: int) -> None:
    containers.insert(place, containers.pop())


def _replaced(workload: Workload, by_hand: Tree, options: Options) -> Finding:
    ours = {"AWS_ROLE_ARN", "AWS_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE", "SIDECAR_AUTH_TOKEN", "SIDECAR_GRACE"}
    kept = options.settings.keys() | options.roles.environment().keys()
    lost = sorted({text(item, "name") for item in named(by_hand, "env")} - ours - kept)
    keep = f" It also set {', '.join(lost)}: keep that with --set." if lost else ""
    if found := sources(by_hand):
        keep += f" Its settings from {', '.join(found)} (envFrom) are lost: keep them with --set."
    return Finding(
        level=Level.WARNING,
        where=(*workload.path, "spec"),
        message=f"{workload}: container {SIDECAR} was written manually, and is replaced.{keep}",
    )
