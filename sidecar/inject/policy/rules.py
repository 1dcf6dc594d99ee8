"""What `checks` finds in a pod, as far as CEL can see it. A rule is the CEL of a list: a sentence for each problem.

Its sentences are for those who wrote the pod. Tests hold that it finds what `checks` finds.
"""

from collections.abc import Mapping

from sidecar.core.arns import role_arn_pattern
from sidecar.core.variables import METADATA_DISABLED
from sidecar.inject import asking, checks, mount_checks, names, resource_checks, shadows
from sidecar.inject.container_roles import OUR_VOLUMES
from sidecar.inject.options import Options
from sidecar.inject.policy import container_roles, parameters
from sidecar.inject.policy.cel import written
from sidecar.inject.policy.mutation import OWN_ROLE
from sidecar.inject.policy.sentences import CONTAINERS, IS_SIDECAR, ContainerRule, Rules, variables, when
from sidecar.inject.surroundings import OS_LABELS, WINDOWS_RUNTIME

HAS_SIDECAR = f"{CONTAINERS}.exists(container, {IS_SIDECAR})"


def refused(options: Options) -> Rules:
    """What a pod must not have before the sidecar is added. Each stands for an error of `checks`."""
    return _possible(
        hostNetwork=_host_network(options),
        static=when(f"object.metadata.?annotations[?'{names.MIRROR_ANNOTATION}'].hasValue()", checks.STATIC),
        windows=_windows(),
        volumes=_volumes(),
        mounts=_mounts() if options.port is not None else "",
        parents=_parents() if options.port is not None else "",
        ports=_ports(options),
        portNames=_port_names(),
        containerRoles=container_roles.refused(options),
    )


def incomplete(options: Options, parameters: str) -> Rules:
    """What a pod lacks after that. `parameters` names the ConfigMap. The last explains all that no other does."""
    return {"request": _request(), "role": _role(options), "sidecar": _no_sidecar(parameters)}


def doubtful(options: Options, *, named: bool = True) -> Rules:
    """What probably goes wrong in an admitted pod. Each stands for a warning of `checks`.

    `named`: for pods that may name roles of single containers; then the rules read the variables for them.
    """
    return _possible(
        hostNetwork=when("object.spec.?hostNetwork.orValue(false)", _NODE),
        linkLocal=when("true", _LINK_LOCAL) if checks.needs_link_local(options) else "",
        account=when("object.spec.?serviceAccountName.orValue('default') == 'default'", _ACCOUNT),
        expiration=_expiration(),
        label=when(f"object.metadata.?labels[?'{names.LABEL}'].orValue('enabled') != 'enabled'", _LABEL),
        priority=_priority(options),
        share=when("object.spec.?resources.orValue({}) != {}", f"resources: {resource_checks.SHARED}"),
        qos=_no_longer_guaranteed(),
        onNode=_on_node() if options.port is not None else "",
        shadows=_shadows(),
        envFrom=_env_from(),
        proxies=_proxies(),
        metadata=_no_metadata(options, named=named and options.port is not None),
        **container_roles.doubtful(options, named=named),
    )


def _possible(**found: str | ContainerRule) -> Rules:
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


_TERMS = (
    "object.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])"
)


def _request() -> str:
    return when(f"object.metadata.labels['{names.REQUEST_LABEL}'] != 'enabled'", asking.MISSPELT)


def _host_network(options: Options) -> str:
    if not (faces := checks.unprotected_faces(options)):
        return ""
    sentence = (
        "hostNetwork: every process on the node's network would get credentials where no token is required; remove "
        f"hostNetwork, or make the policy without {' and '.join(face.setting for face in faces)}"
    )
    return when("object.spec.?hostNetwork.orValue(false)", sentence)


def _windows() -> str:
    labels = written([*OS_LABELS])
    here = (
        "object.spec.?os.?name.orValue('') == 'windows'",
        f"{labels}.exists(label, object.spec.?nodeSelector[?label].orValue('') == 'windows')",
        f"({_TERMS} != [] && {_TERMS}.all(term, term.?matchExpressions.orValue([]).exists(rule, rule.key in {labels}\n"
        "    && ("
        "rule.operator == 'In' && rule.?values.orValue([]) != [] && rule.values.all(value, value == 'windows')\n"
        "    || rule.operator == 'NotIn' && 'linux' in rule.?values.orValue([])))))",
        "object.spec.?securityContext.?windowsOptions.orValue({}) != {}",
        f"{CONTAINERS}.exists(container, container.?securityContext.?windowsOptions.orValue({{}}) != {{}})",
        f"object.spec.?runtimeClassName.orValue('').matches({written(f'(?i){WINDOWS_RUNTIME}')})",
    )
    sentence = f"the sidecar's image is for Linux; remove the label {names.REQUEST_LABEL}"
    return when("\n  || ".join(here), sentence)


def _volumes() -> str:
    begins = "".join(f" || volume.name.startsWith('{name}')" for name in OUR_VOLUMES)
    return f"""\
object.spec.?volumes.orValue([])
  .filter(volume, volume.name in {written([*names.VOLUMES])}{begins})
  .map(volume, 'volume ' + volume.name + ': the sidecar has a volume of this name; rename yours')"""


def _path(mount: str) -> str:
    """The path of a mount, without what does not count."""
    return f"('/' + {mount}.mountPath.split('/').filter(part, part != '' && part != '.').join('/'))"


def _mounts() -> ContainerRule:
    places = (f"({_path('mount')} + '/').startsWith('{place}/')" for place in mount_checks.OWN_PLACES)
    sentence = written("the authorization token is mounted there; mount this elsewhere")
    return ContainerRule("volumeMounts", "mount", f"{_NEAR} && ({' || '.join(places)})", sentence)


_NEAR = "mount.mountPath.matches('run|var|^[/.]*$')"
"""Asked first, for the paths' own form costs much more."""


def _nearest_parent() -> str:
    """Whether a mount is the one that the authorization token's directory would have to be made in."""
    order = written({path: number for number, path in enumerate(mount_checks.PARENTS)})
    nearer = f"{order}[?{_path('other')}].orValue({len(mount_checks.PARENTS)}) < {order}[{_path('mount')}]"
    return f"{_path('mount')} in {order} && !container.volumeMounts.exists(other, {nearer})"


def _parents() -> ContainerRule:
    kinds = [f"has(volume.{kind})" for kind in mount_checks.READ_ONLY_KINDS]
    kinds += ["volume.exists(kind, kind != 'name' && volume[kind].?readOnly.orValue(false))"]
    volume = f"object.spec.?volumes.orValue([]).exists(volume, volume.name == mount.name && ({' || '.join(kinds)}))"
    unwritable = f"{_NEAR} && {_nearest_parent()} && (mount.?readOnly.orValue(false) || {volume})"
    sentence = (
        f"no directory can be made in it for the authorization token at {names.AUTHORIZATION_DIRECTORY}, and the "
        "container would not start; mount it at a path of its own, or its files one by one with subPath"
    )
    return ContainerRule("volumeMounts", "mount", unwritable, f"mount.mountPath + ': ' + {written(sentence)}")


def _on_node() -> ContainerRule:
    volume = "object.spec.?volumes.orValue([]).exists(volume, volume.name == mount.name && has(volume.hostPath))"
    sentence = (
        f"the mount of {names.AUTHORIZATION_DIRECTORY} makes an empty directory on the node; mount less of the node, "
        "such as one socket"
    )
    found = f"{_NEAR} && {_nearest_parent()} && !mount.?readOnly.orValue(false) && {volume}"
    return ContainerRule("volumeMounts", "mount", found, f"mount.mountPath + ': ' + {written(sentence)}")


def _ports(options: Options) -> ContainerRule:
    settings = checks.taken_ports(options)
    sentence = f"""\
'the sidecar listens on port ' + string(port.containerPort) + ' too; choose another one with --set '
      + {_numbered(settings)}[port.containerPort] + ':PORT where the policy is made'"""
    taken = f"port.containerPort in {_numbered(settings)} && port.?protocol.orValue('TCP') == 'TCP'"
    return ContainerRule("ports", "port", taken, sentence)


def _port_names() -> ContainerRule:
    sentence = written(f"the sidecar's port is called {names.PORT} too; rename yours")
    return ContainerRule("ports", "port", f"port.?name.orValue('') == {written(names.PORT)}", sentence)


def _numbered(entries: Mapping[int, str]) -> str:
    return f"{{{', '.join(f'{number}: {written(text)}' for number, text in entries.items())}}}"


def _no_sidecar(parameters: str) -> str:
    sentence = (
        f"no sidecar was added: ConfigMap {parameters} must exist with all parameters, and MutatingAdmissionPolicy "
        f"{names.SIDECAR} must be the one that was made with it"
    )
    return when(f"!{HAS_SIDECAR}", sentence)


def _role(options: Options) -> str:
    """Also of a sidecar that was written by hand, unless it gets its role from elsewhere in the cluster."""
    pattern = written(role_arn_pattern(options.config.endpoint_url))
    return f"""\
{CONTAINERS}
  .filter(container, {IS_SIDECAR})
  .map(container, container.?env.orValue([])
    .filter(item, item.name == 'AWS_ROLE_ARN' && !has(item.valueFrom))
    .map(item, item.?value.orValue(''))
    .filter(role, !role.matches({pattern}))
    .map(role, role == ''
      ? ({OWN_ROLE} == '' ? {written(asking.NO_ROLE)} : {written(asking.OPEN_ROLE)})
      : role + {written(asking.NOT_A_ROLE)})
  ).flatten()"""


def _priority(options: Options) -> str:
    if not (name := options.priority_class):
        return ""
    return when(
        f"object.spec.?priorityClassName.orValue({written(name)}) != {written(name)}",
        f"priorityClassName: unchanged, and not {name}; it is the pod's",
    )


def _expiration() -> str:
    asked = parameters.ASKED_EXPIRATION
    sentence = f"the annotation {names.EXPIRATION_ANNOTATION} is not a number of seconds; not used"
    return when(f"!{asked}.matches('^[0-9]*$')", sentence)


def _no_longer_guaranteed() -> str:
    limit = "container.?resources.?limits[?name].orValue('')"
    equal = f"{limit} != '' && container.?resources.?requests[?name].orValue({limit}) == {limit}"
    guaranteed = f"{written([*resource_checks.QOS_RESOURCES])}.all(name, {equal})"
    return when(
        f"object.spec.?resources.orValue({{}}) == {{}}\n"
        f"  && {CONTAINERS}.all(container, {IS_SIDECAR} || {guaranteed})\n"
        f"  && {CONTAINERS}.exists(container, {IS_SIDECAR} && !{guaranteed})",
        resource_checks.NO_LONGER_GUARANTEED,
    )


def _shadows() -> ContainerRule:
    named = written(shadows.SHADOWS, "    ")
    return variables(f"item.name in {named}", f"{named}[item.name] + '; remove it'")


def _env_from() -> ContainerRule:
    source = (
        "(has(source.configMapRef) ? 'ConfigMap ' + source.configMapRef.name\n"
        "      : 'Secret ' + source.?secretRef.?name.orValue(''))"
    )
    sentence = (
        " cannot be seen here. If AWS_ACCESS_KEY_ID, AWS_PROFILE or another that SDKs prefer is among them, they never "
        "call the sidecar: irsa-sidecar doctor checks it in the pod"
    )
    return ContainerRule("envFrom", "source", "true", f"'the variables from ' + {source} + {written(sentence)}")


def _proxies() -> ContainerRule:
    network = "isCIDR(entry.trim()) && cidr(entry.trim()).containsIP('127.0.0.1')"
    loopback = f"entry.trim() == '*' || entry.trim().split(':')[0] == '127.0.0.1' || {network}"
    exempt = f"has(other.valueFrom) || other.?value.orValue('').split(',').exists(entry, {loopback})"
    exempted = f"container.env.exists(other, other.name in {written([*shadows.EXCEPTIONS])} && ({exempt}))"
    proxy = f"item.name in {written([*shadows.PROXIES])} && (has(item.valueFrom) || item.?value.orValue('') != '')"
    return variables(f"{proxy} && !{exempted}", written(shadows.PROXIED))


def _no_metadata(options: Options, *, named: bool) -> ContainerRule | str:
    """A container with a role of its own has to leave IMDS alone, which has the default role."""
    if options.metadata_port is None:
        return ""
    disabled = f"item.name == '{METADATA_DISABLED}' && item.?value.orValue('') == 'true' && {container_roles.AS_ADDED}"
    disabled += f" && !({container_roles.HAS_OWN})" if named else ""
    return variables(
        disabled, written("SDKs will not call the sidecar's IMDS endpoint (SIDECAR_IMDS_LISTEN); remove it")
    )
