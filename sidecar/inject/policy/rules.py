"""What `checks` finds in a pod, as far as CEL can see it. A rule is the CEL of a list: a sentence for each problem.

Its sentences are for those who wrote the pod. Tests hold that it finds what `checks` finds.
"""

from collections.abc import Mapping

from sidecar.core.arns import role_arn_pattern
from sidecar.core.variables import METADATA_DISABLED
from sidecar.inject import checks, names
from sidecar.inject.options import Options
from sidecar.inject.patch import environment
from sidecar.inject.policy.cel import written

_IS_SIDECAR = f"container.name == '{names.SIDECAR}'"
_CONTAINERS = "(object.spec.?initContainers.orValue([]) + object.spec.containers)"
HAS_SIDECAR = f"{_CONTAINERS}.exists(container, {_IS_SIDECAR})"

Rules = Mapping[str, str]
"""Each by its name, which is that of a CEL variable."""


def refused(options: Options) -> Rules:
    """What a pod must not have before the sidecar is added. Each stands for an error of `checks`."""
    return _possible(
        hostNetwork=_host_network(options),
        windows=_windows(),
        volumes=_volumes(),
        mounts=_mounts(),
        ports=_ports(options),
        portNames=_port_names(),
    )


def incomplete(options: Options, parameters: str) -> Rules:
    """What a pod lacks after that. `parameters` names the ConfigMap. The last explains all that no other does."""
    return {"request": _request(), "role": _role(options), "sidecar": _no_sidecar(parameters)}


def doubtful(options: Options) -> Rules:
    """What probably goes wrong in an admitted pod. Each stands for a warning of `checks`."""
    return _possible(
        hostNetwork=_if("object.spec.?hostNetwork.orValue(false)", _NODE),
        linkLocal=_if("true", _LINK_LOCAL) if checks.needs_link_local(options) else "",
        account=_if("object.spec.?serviceAccountName.orValue('default') == 'default'", _ACCOUNT),
        label=_if(f"object.metadata.?labels[?'{names.LABEL}'].orValue('enabled') != 'enabled'", _LABEL),
        priority=_priority(options),
        shadows=_shadows(),
        elsewhere=_elsewhere(options),
        metadata=_no_metadata(options),
    )


def _possible(**found: str) -> Rules:
    """Without those that these options rule out."""
    return {name: cel for name, cel in found.items() if cel}


_NODE = (
    "hostNetwork: every process on the node's network can reach the sidecar, and only the authorization token (the "
    "pod's UID) protects it; its ports must be free on the node. Remove hostNetwork if you can"
)
_LINK_LOCAL = (
    "a link-local address must be added to the pod's loopback interface before the sidecar starts; put the init "
    "container that docs/ways.md shows for this first"
)
_ACCOUNT = (
    "the role must trust the account default, which every pod of the namespace without serviceAccountName runs as; "
    "give this pod a service account of its own"
)
_LABEL = f"the label {names.LABEL} is not enabled, and the PodMonitor selects pods where it is; remove yours"


def _if(condition: str, sentence: str) -> str:
    return f"{condition}\n  ? [{written(sentence)}]\n  : []"


def _request() -> str:
    sentence = f"the label {names.REQUEST_LABEL} has another value than enabled and disabled"
    return _if(f"object.metadata.labels['{names.REQUEST_LABEL}'] != 'enabled'", sentence)


def _host_network(options: Options) -> str:
    if not (faces := checks.unprotected_faces(options)):
        return ""
    sentence = (
        "hostNetwork: every process on the node's network would get credentials where no token is required; remove "
        f"hostNetwork, or make the policy without {' and '.join(face.setting for face in faces)}"
    )
    return _if("object.spec.?hostNetwork.orValue(false)", sentence)


def _windows() -> str:
    label = f"{written([*checks.OS_LABELS])}.exists(label, object.spec.?nodeSelector[?label].orValue('') == 'windows')"
    sentence = f"the sidecar's image is for Linux; remove the label {names.REQUEST_LABEL}"
    return _if(f"object.spec.?os.?name.orValue('') == 'windows' || {label}", sentence)


def _volumes() -> str:
    return f"""\
object.spec.?volumes.orValue([])
  .filter(volume, volume.name in {written([*names.VOLUMES])})
  .map(volume, 'volume ' + volume.name + ': the sidecar has a volume of this name; rename yours')"""


def _mounts() -> str:
    parts = "mount.mountPath.split('/').filter(part, part != '' && part != '.')"
    inside = f"('/' + {parts}.join('/') + '/').startsWith('{names.AUTHORIZATION_DIRECTORY}/')"
    sentence = written("the authorization token is mounted there; mount this elsewhere")
    return _in_containers("volumeMounts", "mount", inside, sentence)


def _ports(options: Options) -> str:
    settings = checks.taken_ports(options)
    sentence = f"""\
'the sidecar listens on port ' + string(port.containerPort) + ' too; choose another one with --set '
      + {_numbered(settings)}[port.containerPort] + ':PORT where the policy is made'"""
    return _in_containers("ports", "port", f"port.containerPort in {_numbered(settings)}", sentence)


def _port_names() -> str:
    sentence = written(f"the sidecar's port is called {names.PORT} too; rename yours")
    return _in_containers("ports", "port", f"port.?name.orValue('') == {written(names.PORT)}", sentence)


def _numbered(entries: Mapping[int, str]) -> str:
    return f"{{{', '.join(f'{number}: {written(text)}' for number, text in entries.items())}}}"


def _no_sidecar(parameters: str) -> str:
    sentence = (
        f"no sidecar was added: ConfigMap {parameters} must exist with all parameters, and MutatingAdmissionPolicy "
        f"{names.SIDECAR} must be the one that was made with it"
    )
    return _if(f"!{HAS_SIDECAR}", sentence)


def _role(options: Options) -> str:
    """Also of a sidecar that was written by hand, unless it gets its role from elsewhere in the cluster."""
    missing = (
        f"no role: give the pod the annotation {names.POD_ROLE_ANNOTATION}, or the namespace a ConfigMap {names.ROLES} "
        "with the service account's name and the role's ARN"
    )
    pattern = written(role_arn_pattern(options.config.endpoint_url))
    return f"""\
{_CONTAINERS}
  .filter(container, {_IS_SIDECAR})
  .map(container, container.?env.orValue([])
    .filter(item, item.name == 'AWS_ROLE_ARN' && !has(item.valueFrom))
    .map(item, item.?value.orValue(''))
    .filter(role, !role.matches({pattern}))
    .map(role, role == ''
      ? {written(missing)}
      : role + ' is not the ARN of an IAM role')
  ).flatten()"""


def _priority(options: Options) -> str:
    if not (name := options.priority_class):
        return ""
    return _if(
        f"object.spec.?priorityClassName.orValue({written(name)}) != {written(name)}",
        f"priorityClassName: unchanged, and not {name}; it is the pod's",
    )


def _shadows() -> str:
    shadows = written(checks.SHADOWS, "    ")
    return _variables(f"item.name in {shadows}", f"{shadows}[item.name] + '; remove it'")


def _elsewhere(options: Options) -> str:
    wanted = {item["name"]: item.get("value", "metadata.uid") for item in environment(options)}
    value = "item.?value.orValue(item.?valueFrom.?fieldRef.?fieldPath.orValue(''))"
    needed = f"{written(wanted, '    ')}[item.name]"
    sentence = f"'unchanged, but the sidecar needs ' + {needed} + '. Remove yours, and the policy sets it'"
    return _variables(f"item.name in {written(wanted, '    ')} && {value} != {needed}", sentence)


def _no_metadata(options: Options) -> str:
    if options.metadata_port is None:
        return ""
    disabled = f"item.name == '{METADATA_DISABLED}' && item.?value.orValue('') == 'true'"
    return _variables(
        disabled, written("SDKs will not call the sidecar's IMDS endpoint (SIDECAR_IMDS_LISTEN); remove it")
    )


def _variables(found: str, sentence: str) -> str:
    return _in_containers("env", "item", found, f"item.name + ': ' + {sentence}")


def _in_containers(key: str, each: str, found: str, sentence: str) -> str:
    """A sentence for each item of a list of the containers, but the sidecar's."""
    return f"""\
{_CONTAINERS}
  .filter(container, !({_IS_SIDECAR}))
  .map(container, container.?{key}.orValue([])
    .filter({each}, {found})
    .map({each}, 'container ' + container.name + ', {key}: ' + {sentence})
  ).flatten()"""
