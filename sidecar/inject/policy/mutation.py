"""The CEL that adds the sidecar to a pod: what `patch` adds to every kind of pod, merged as `merge` does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sidecar.inject import names
from sidecar.inject.merge import DERIVED, NAMED_BY
from sidecar.inject.options import Options
from sidecar.inject.patch import patch_for
from sidecar.inject.policy import container_roles, parameters
from sidecar.inject.policy.cel import CelText, either, filled, written

ROLE, SIDECAR = "role", "sidecar"
"""Names of CEL variables."""
_RUNS_AS_ROOT = "object.spec.?securityContext.?runAsUser.orValue(-1) == 0"
_HAS_REGION = f"container.?env.orValue([]).exists(item, item.name in {written([*names.REGION_VARIABLES])})"
"""What `patch` looks at, in a pod and in a container. A test compares its outcome with the policy's."""
_ACCOUNT = "object.spec.?serviceAccountName.orValue('default')"

OWN_ROLE = f"object.metadata.?annotations[?'{names.POD_ROLE_ANNOTATION}'].orValue('').trim()"
_HAS_ROLE = (
    f"object.spec.?initContainers.orValue([]).exists(container, container.name == '{names.SIDECAR}'\n"
    "  && container.?env.orValue([]).exists(item, item.name == 'AWS_ROLE_ARN' && item.?value.orValue('') != ''))"
)
NEEDS_ROLE = f"{OWN_ROLE} == '' && {_ACCOUNT} in params.?data.orValue({{}})\n&& !{_HAS_ROLE}"
"""Whether the namespace's ConfigMap has the role of a pod that names none, and it is not filled in yet.

Also before the sidecar is there: a policy that did not take part at first is not asked again.
"""
ROLE_FROM_NAMESPACE = f"""\
['containers', 'initContainers'].map(kind,
  dyn(object.spec)[?kind].orValue([]).transformList(place, container, container.name == '{names.SIDECAR}',
    container.?env.orValue([]).transformList(index, item,
      item.name == 'AWS_ROLE_ARN' && item.?value.orValue('') == '' && !has(item.valueFrom),
      JSONPatch{{
        op: 'add',
        path: '/spec/' + kind + '/' + string(place) + '/env/' + string(index) + '/value',
        value: params.data[{_ACCOUNT}].trim()
      }}
    )
  ).flatten()
).flatten()"""
"""The patch that fills it in."""


def wanted(options: Options) -> dict[str, Any]:
    """What is added to any pod, in a pod's shape: one init container, the sidecar, and one container for all others."""
    tree: dict[str, Any] = _wanted(options)
    if options.port is not None:
        tree = _with_roles(tree, *(_wanted(replace(options, roles=roles)) for roles in container_roles.marked()))
    (sidecar,) = tree["spec"]["initContainers"]
    sidecar["resources"] = parameters.resources()
    return tree


def _wanted(options: Options) -> Any:
    return either(_RUNS_AS_ROOT, _for_user(options, runAsUser=0), _for_user(options))


def _for_user(options: Options, **security: int) -> Any:
    role = CelText("", f"variables.{ROLE}")

    def patch(*variables: str) -> Any:
        application = {"name": "", "env": [{"name": name} for name in variables]}
        pod = {"spec": {"securityContext": security, "containers": [application]}}
        return patch_for(pod, options, role, 0)

    return either(_HAS_REGION, patch(*names.REGION_VARIABLES), patch())


def _with_roles(usual: Any, *with_own: Any) -> dict[str, Any]:
    """Roles of single containers, where a pod names some: from a ConfigMap, or by their ARNs."""
    from_map, by_arn = (container_roles.of_the_pod(tree["spec"]) for tree in with_own)
    own = either(container_roles.FROM_CONFIG_MAP, from_map, by_arn)
    spec = either(container_roles.ANY, own, usual["spec"])
    application = filled(with_own[0]["spec"]["containers"], container_roles.MARK, container_roles.OWN)
    spec["containers"] = either(container_roles.HAS_OWN, application, usual["spec"]["containers"])
    return {**usual, "spec": spec}


def variables(tree: Mapping[str, Any], options: Options) -> dict[str, str]:
    """What the patch refers to. A pod that names no role gets it from its namespace afterwards."""
    return {
        ROLE: OWN_ROLE,
        **(container_roles.asked() | container_roles.served() if options.port is not None else {}),
        SIDECAR: written(tree["spec"]["initContainers"][0]),
    }


def expression(tree: Mapping[str, Any], options: Options) -> str:
    """The JSON patch that adds `wanted` to a pod, which has labels: one of them asks for the sidecar.

    Without the annotation by which `inject` restores a file: nobody takes the sidecar out of a pod that runs.
    """
    (application,) = tree["spec"]["containers"]
    pods_own = {key: value for key, value in tree["spec"].items() if key not in {"containers", "initContainers"}}
    parts = [
        *_additions(tree["metadata"]["labels"], "object.metadata.labels", Pointer("", "/metadata/labels")),
        *_additions(pods_own, "object.spec", Pointer("", "/spec")),
        _to_each_container(application),
        *(_config() if options.port is not None else ()),
        _first(),
    ]
    return "\n+ ".join(parts)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A JSON pointer: first what CEL computes of it, then what is the same for every pod."""

    cel: str
    rest: str = ""

    def __truediv__(self, key: str) -> "Pointer":
        return Pointer(self.cel, f"{self.rest}/{key.replace('~', '~0').replace('/', '~1')}")

    def add(self, value: str) -> str:
        """The operation that puts a value there."""
        return f"JSONPatch{{op: 'add', path: {self._path}, value: {value}}}"

    def remove(self) -> str:
        """The operation that removes what is there."""
        return f"JSONPatch{{op: 'remove', path: {self._path}}}"

    @property
    def _path(self) -> str:
        return " + ".join(part for part in (self.cel, written(self.rest)) if part)


def _config() -> Iterator[str]:
    """The sidecar's config file, in the pod's annotations: there are some, for one has the ARNs."""
    place = Pointer("", "/metadata/annotations") / names.CONFIG_ANNOTATION
    by_arn = f"{container_roles.FROM_CONFIG_MAP} || variables.{container_roles.ASKED}.size() == 0"
    yield f"({by_arn} ? [] : [{place.add(container_roles.config())}])"


def _to_each_container(application: Mapping[str, Any]) -> str:
    added = {key: value for key, value in application.items() if key != "name"}
    each = Pointer("'/spec/' + kind + '/' + string(index)")
    parts = "\n    + ".join(_additions(added, "container", each, "    "))
    return f"""\
['containers', 'initContainers'].map(kind,
  dyn(object.spec)[?kind].orValue([]).transformList(index, container,
    {parts}
  ).flatten()
).flatten()"""


def _first() -> str:
    """The sidecar before all init containers. It comes after the operations that count them."""
    place, sidecar = Pointer("", "/spec/initContainers"), f"variables.{SIDECAR}"
    alone, before = place.add(f"[{sidecar}]"), (place / "0").add(sidecar)
    return f"(object.spec.?initContainers.orValue([]).size() == 0\n  ? [{alone}]\n  : [{before}])"


def _additions(tree: Mapping[str, Any], there: str, path: Pointer, indent: str = "") -> Iterator[str]:
    """Lists of operations. `there` is the CEL of the value that the tree is added to, `path` leads to it."""
    for key, value in tree.items():
        found = there + (f".?{key}" if key.isidentifier() else f"[?{written(key)}]")
        at = path / key
        if isinstance(value, Mapping):
            yield f"({found}.hasValue() ? [] : [{at.add('{}')}])"
            yield from _additions(value, found, at, indent)
        elif key in NAMED_BY:
            yield _missing(value, found, NAMED_BY[key], at, indent)
        else:
            yield f"({found}.hasValue() ? [] : [{at.add(written(value, indent))}])"
            for derived in DERIVED.get(key, ()):
                yield f"(!{found}.hasValue() && has({there}.{derived}) ? [{(path / derived).remove()}] : [])"


def _missing(items: Any, there: str, name: str, path: Pointer, indent: str) -> str:
    """The items that a list lacks, by their names; all at once where there is no list."""
    missing = f"!{there}.orValue([]).exists(there, there.{name} == item.{name})"
    each = f"items.filter(item, {missing}).map(item, {(path / '-').add('item')})"
    all_at_once = f"[{path.add('items')}]"
    return f"""\
[{written(items, indent)}].map(items, {there}.hasValue()
{indent}  ? {each}
{indent}  : {all_at_once})[0]"""
