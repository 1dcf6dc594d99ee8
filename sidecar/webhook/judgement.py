"""What becomes of a pod that asks for the sidecar: the same as by the policies of `inject --policy`. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sidecar.core.arns import role_arn_parser
from sidecar.core.findings import Finding, Level
from sidecar.inject import asking, checks, names
from sidecar.inject.annotation import containers, sidecar_in
from sidecar.inject.asked_roles import with_asked_roles
from sidecar.inject.container_roles import PROFILES_VARIABLE
from sidecar.inject.injection import inject, remove
from sidecar.inject.merge import DERIVED, merge
from sidecar.inject.options import Options
from sidecar.inject.workloads import Tree, mapping, named, service_account, text, workloads

_NO_ACCOUNT = "default"
"""What the API server has written where the pod's author named no service account."""
_ROLE_VARIABLE = "AWS_ROLE_ARN"


class Outcome(StrEnum):
    """What a review came to. A metric's label."""

    INJECTED = "injected"
    KEPT = "kept"
    """The pod has a sidecar already."""
    NOT_ASKED = "not_asked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PodDecision:
    """`pod` as it is to be admitted, or the same as it was; `reasons` where it is refused."""

    outcome: Outcome
    pod: Any
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def needs_roles(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's namespace decides on its role."""
    return _request(pod) == "enabled" and not _own_role(pod)


def judge(pod: Tree, options: Options, roles: Mapping[str, Any]) -> PodDecision:
    """What becomes of the pod. `roles` is what its namespace's ConfigMap holds. Changes no argument."""
    if (request := _request(pod)) in {None, "disabled"}:
        return PodDecision(Outcome.NOT_ASKED, pod)
    if request != "enabled":
        return PodDecision(Outcome.REFUSED, pod, (asking.MISSPELT,))
    own = _own_role(pod)
    of_account = str(roles.get(service_account(mapping(pod, "spec")) or _NO_ACCOUNT) or "").strip()
    if sidecar_in(pod) is not None:
        return _with_its_own(pod, options, "" if own else of_account)
    role = own or of_account
    if wrong := _wrong_role(role, options):
        return PodDecision(Outcome.REFUSED, pod, (wrong,))
    return _with_ours(pod, replace(options, role_arn=role))


def _request(pod: Mapping[str, Any]) -> Any:
    """The label's value; None where there is no such label."""
    return mapping(mapping(pod, "metadata"), "labels").get(names.REQUEST_LABEL)


def _own_role(pod: Mapping[str, Any]) -> str:
    return text(mapping(mapping(pod, "metadata"), "annotations"), names.POD_ROLE_ANNOTATION).strip()


def _with_ours(pod: Tree, options: Options) -> PodDecision:
    outcome = inject(_without_record(_as_written(pod, options)), options)
    if outcome.refused:
        return PodDecision(Outcome.REFUSED, pod, _told(outcome.findings, Level.ERROR))
    changed = outcome.document
    _back_to_the_pod(changed, pod)
    _drop_derived(changed["spec"], mapping(pod, "spec"))
    return PodDecision(Outcome.INJECTED, changed, warnings=_told(outcome.findings, Level.WARNING))


def _as_written(pod: Tree, options: Options) -> Tree:
    """The pod as its author wrote it, for the checks: a name for people, and none of the API server's own choices."""
    copy: Tree = {"apiVersion": "v1", "kind": "Pod", **deepcopy(pod)}
    metadata = mapping(pod, "metadata")
    copy["metadata"]["name"] = text(metadata, "name") or text(metadata, "generateName").rstrip("-")
    if text(copy["spec"], "serviceAccountName") == _NO_ACCOUNT:
        for key in ("serviceAccountName", "serviceAccount"):
            copy["spec"].pop(key, None)
    # Those of the service account are in it already, if it has some: there is nothing to warn of.
    merge(copy["spec"], {"imagePullSecrets": [{"name": name} for name in options.image_pull_secrets]})
    return copy


def _without_record(document: Tree) -> Tree:
    """The pod has no sidecar, so whatever the annotation records is not of this pod."""
    (document["metadata"].get("annotations") or {}).pop(names.RECORD_ANNOTATION, None)
    return document


def _back_to_the_pod(changed: Tree, pod: Tree) -> None:
    """Undoes `_as_written`, and takes out the record by which a file is restored: nobody restores a pod."""
    for key in ("apiVersion", "kind"):
        if key not in pod:
            del changed[key]
    for part, keys in (("metadata", ("name",)), ("spec", ("serviceAccountName", "serviceAccount"))):
        for key in keys:
            changed[part].pop(key, None)
            if key in pod[part]:
                changed[part][key] = pod[part][key]
    del changed["metadata"]["annotations"][names.RECORD_ANNOTATION]
    if (record := mapping(pod["metadata"], "annotations").get(names.RECORD_ANNOTATION)) is not None:
        changed["metadata"]["annotations"][names.RECORD_ANNOTATION] = record
    if not changed["metadata"]["annotations"] and "annotations" not in pod["metadata"]:
        del changed["metadata"]["annotations"]


def _drop_derived(spec: Tree, before: Mapping[str, Any]) -> None:
    for key, derived in DERIVED.items():
        if key in spec and key not in before:
            for each in derived:
                spec.pop(each, None)


def _with_its_own(pod: Tree, options: Options, role: str) -> PodDecision:
    """A pod whose sidecar was there before keeps it; a role that it leaves open is its account's."""
    changed = deepcopy(pod)
    for item in _written_roles(changed):
        item["value"] = item.get("value") or role
    roles = [text(item, "value") for item in _written_roles(changed)]
    if _own_role(pod) and "" in roles:
        return PodDecision(Outcome.REFUSED, pod, (asking.OPEN_ROLE,))
    wrong = tuple(filter(None, (_wrong_role(each, options) for each in roles)))
    if wrong:
        return PodDecision(Outcome.REFUSED, pod, wrong)
    return PodDecision(Outcome.KEPT, changed, warnings=_of_others(pod, options))


def _written_roles(pod: Tree) -> Iterator[Tree]:
    """The sidecar's variables of that name, but for one that is taken from elsewhere in the cluster."""
    for container in containers(pod):
        for item in named(container, "env") if container.get("name") == names.SIDECAR else ():
            if item.get("name") == _ROLE_VARIABLE and "valueFrom" not in item:
                yield item


def _wrong_role(role: str, options: Options) -> str:
    """What is wrong with it; empty if it is a role's ARN."""
    if not role:
        return asking.NO_ROLE
    try:
        role_arn_parser(options.config.endpoint_url)(role)
    except ValueError:
        return f"{role}{asking.NOT_A_ROLE}"
    return ""


def _of_others(pod: Tree, options: Options) -> tuple[str, ...]:
    """Warnings about a pod that keeps its sidecar."""
    without = remove(_as_written(pod, options)).document
    (workload,) = workloads(without)
    asked = with_asked_roles(workload, options).options
    unserved = (asking.UNSERVED_ROLES,) if asked.roles.environment() and not _serves_profiles(pod) else ()
    return unserved + _told(checks.findings(workload, asked), Level.WARNING)


def _serves_profiles(pod: Tree) -> bool:
    """Whether the pod's sidecar is told of profiles, by a ConfigMap or Secret perhaps."""
    sidecar = sidecar_in(pod) or {}
    return bool(named(sidecar, "envFrom")) or any(
        item.get("name") == PROFILES_VARIABLE for item in named(sidecar, "env")
    )


def _told(findings: Iterable[Finding], level: Level) -> tuple[str, ...]:
    return tuple(finding.message for finding in findings if finding.level is level)
