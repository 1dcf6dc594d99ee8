"""Adds the sidecar to a document, or removes it. Pure: no file, no clock; any mapping and list types will do."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sidecar.core.arns import RoleArn, role_arn_parser
from sidecar.core.findings import Finding, Level
from sidecar.inject import annotation, checks, shape
from sidecar.inject.merge import merge, take_out
from sidecar.inject.names import POD_ROLE_ANNOTATION, RECORD_ANNOTATION, ROLE_ANNOTATION, SIDECAR
from sidecar.inject.options import Options
from sidecar.inject.patch import patch_for, selected
from sidecar.inject.workloads import Tree, Workload, mapping, named, text, workloads


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
    outcome = ChangedDocument(changed, tuple(found))
    return ChangedDocument(document, outcome.findings) if outcome.refused else outcome


def remove(document: Any, only: frozenset[str] = frozenset()) -> ChangedDocument:
    """`document` without the sidecar and what came with it. Changes no argument."""
    changed = deepcopy(document)
    found = [finding for workload in workloads(changed, only) for finding in _remove(workload)]
    outcome = ChangedDocument(changed, tuple(found))
    return ChangedDocument(document, outcome.findings) if outcome.refused else outcome


def _inject(workload: Workload, options: Options) -> Iterator[Finding]:
    by_hand, place = annotation.written_by_hand(workload.pod), _place(workload.pod)
    wrong = list(_remove(workload))
    if wrong:
        yield from wrong
        return
    if by_hand is not None:
        yield _replaced(workload, by_hand, options)
    if not any(selected(container, options) for container in _containers(workload.pod)):
        message = f"{workload}: has none of the containers that --container names; unchanged."
        yield Finding(level=Level.WARNING, where=workload.path, message=message)
        return
    role_arn, complaint = _role(workload, options)
    yield from complaint
    yield from checks.findings(workload, options)
    _add(workload.pod, options, role_arn, place)


def _remove(workload: Workload) -> Iterator[Finding]:
    """Removes a sidecar that is there. All findings are errors; if there is one, nothing was changed."""
    wrong = list(shape.malformed(workload))
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


def _containers(pod: Tree) -> list[Tree]:
    return named(mapping(pod, "spec"), "containers") + named(mapping(pod, "spec"), "initContainers")


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


def _role(workload: Workload, options: Options) -> tuple[str, list[Finding]]:
    """The role, from the pod's annotation, the option or the service account's annotation, and what is wrong with it.

    What is said of one pod alone goes before what is said of all.
    """
    spec = mapping(workload.pod, "spec")
    account_name = text(spec, "serviceAccountName") or "default"
    account = next((a for a in options.accounts if a.is_of(workload.namespace, account_name)), None)
    own = text(mapping(mapping(workload.pod, "metadata"), "annotations"), POD_ROLE_ANNOTATION)
    role_arn = own or options.role_arn or (account.role_arn if account else "")
    if not role_arn:
        return "", [
            _about_role(
                workload,
                Level.ERROR,
                f"--role-arn: required, for the pod has no annotation {POD_ROLE_ANNOTATION}, and no ServiceAccount in "
                f"these files has the annotation {ROLE_ANNOTATION}.",
            )
        ]
    try:
        role = role_arn_parser(options.config.endpoint_url)(role_arn)
    except ValueError as error:
        return "", [_about_role(workload, Level.ERROR, f"{role_arn!r} {error}.")]
    cautions = [] if role.is_in_aws_form else [_foreign(role, options)]
    if account is not None:
        cautions.append(
            f"ServiceAccount {account.name} has the annotation {ROLE_ANNOTATION}: where the EKS webhook runs, "
            "it sets AWS_WEB_IDENTITY_TOKEN_FILE, and most SDKs then never call the sidecar. Remove the annotation; "
            "the role is in the sidecar now."
        )
    return role_arn, [_about_role(workload, Level.WARNING, caution) for caution in cautions]


def _foreign(role: RoleArn, options: Options) -> str:
    return (
        f"{role} is not in AWS's form of a role's ARN: right for an STS server other than AWS's, a mistake otherwise. "
        f"AWS_ENDPOINT_URL_STS is {options.config.endpoint_url}."
    )


def _about_role(workload: Workload, level: Level, message: str) -> Finding:
    return Finding(level=level, where=(*workload.path, "spec", "serviceAccountName"), message=f"{workload}: {message}")


def _replaced(workload: Workload, by_hand: Tree, options: Options) -> Finding:
    ours = {"AWS_ROLE_ARN", "AWS_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE", "SIDECAR_AUTH_TOKEN", "SIDECAR_GRACE"}
    lost = sorted({text(item, "name") for item in named(by_hand, "env")} - ours - options.settings.keys())
    keep = f" It also set {', '.join(lost)}: keep that with --set." if lost else ""
    if sources := _sources(by_hand):
        keep += f" Its settings from {', '.join(sources)} (envFrom) are lost: keep them with --set."
    return Finding(
        level=Level.WARNING,
        where=(*workload.path, "spec"),
        message=f"{workload}: container {SIDECAR} was written manually, and is replaced.{keep}",
    )


def _sources(container: Tree) -> list[str]:
    """The ConfigMaps and Secrets that set variables of a container. Their content is in the cluster, not here."""
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
    return [
        f"{kind} {text(mapping(source, key), 'name')}"
        for source in named(container, "envFrom")
        for key, kind in kinds.items()
        if key in source
    ]
