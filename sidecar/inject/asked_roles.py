"""Roles of single containers that a pod names in its annotations."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sidecar.core.findings import Finding
from sidecar.inject import asking
from sidecar.inject.container_roles import ContainerRoles, wrong_config_map, wrong_roles
from sidecar.inject.names import CONFIG_ANNOTATION, CONTAINER_ROLES_ANNOTATION, PROFILES_ANNOTATION
from sidecar.inject.options import Options
from sidecar.inject.workload_findings import error
from sidecar.inject.workloads import Workload, mapping, named, text


@dataclass(frozen=True, slots=True)
class AskedRoles:
    """The options as the pod wants its containers' roles, and what is wrong with its wish: errors, all of them."""

    options: Options
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wish:
    config_map: str
    lines: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        split = (line.partition("=") for line in self.lines)
        return [(container.strip(), role.strip()) for container, equals, role in split if equals]


def with_asked_roles(workload: Workload, options: Options) -> AskedRoles:
    """What the pod says goes before the options. It is a pod without the sidecar."""
    annotations = mapping(mapping(workload.pod, "metadata"), "annotations")
    if CONFIG_ANNOTATION in annotations:
        return AskedRoles(options, (error(workload, ("metadata", "annotations", CONFIG_ANNOTATION), asking.TAKEN),))
    lines = (line.strip() for line in text(annotations, CONTAINER_ROLES_ANNOTATION).split("\n"))
    wish = _Wish(text(annotations, PROFILES_ANNOTATION).strip(), tuple(filter(None, lines)))
    if not (wish.config_map or wish.lines):
        return AskedRoles(options)
    wrong = tuple(_wrong(workload, wish, options))
    if wrong:
        return AskedRoles(options, wrong)
    return AskedRoles(replace(options, roles=ContainerRoles.chosen(wish.config_map, wish.pairs)))


def _wrong(workload: Workload, wish: _Wish, options: Options) -> Iterator[Finding]:
    for sentence in wrong_config_map(wish.config_map):
        yield error(workload, ("metadata", "annotations", PROFILES_ANNOTATION), sentence)
    for sentence in _sentences(workload, wish, options):
        yield error(workload, ("metadata", "annotations", CONTAINER_ROLES_ANNOTATION), sentence)


def _sentences(workload: Workload, wish: _Wish, options: Options) -> Iterator[str]:
    if options.port is None:
        yield asking.NO_ENDPOINT
    if options.pod_identity and not wish.config_map:
        yield asking.NO_WEB_IDENTITY
    yield from (f"{line}{asking.NOT_A_LINE}" for line in wish.lines if "=" not in line)
    spec = mapping(workload.pod, "spec")
    there = {text(container, "name") for key in ("initContainers", "containers") for container in named(spec, key)}
    for container in (container for container, _ in wish.pairs if container not in there):
        yield f"{container}{asking.NO_CONTAINER}"
    yield from wrong_roles(wish.config_map, wish.pairs, options.config.endpoint_url)
