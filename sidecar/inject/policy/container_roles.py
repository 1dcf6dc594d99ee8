"""The CEL of roles of single containers: what a pod names in its annotations, and what is wrong with it."""

from collections.abc import Mapping
from typing import Any

from sidecar.core.arns import role_arn_pattern
from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.variables import AUTHORIZATION
from sidecar.inject import asking, container_roles, names
from sidecar.inject.container_roles import PROFILES_VARIABLE, ContainerRoles
from sidecar.inject.options import Options
from sidecar.inject.patch import environment
from sidecar.inject.policy import sentences
from sidecar.inject.policy.cel import CelText, Each, filled, written
from sidecar.inject.policy.sentences import ContainerRule, Rules

CONFIG_MAP, ASKED, ROLES, PROFILES, SERVED = "profilesFrom", "askedRoles", "roles", "profiles", "served"
"""Names of CEL variables."""
OWN = f"variables.{ROLES}[container.name]"
"""The profile of a container that has a role of its own."""
HAS_OWN = f"container.name in variables.{ROLES}"
ANY = f"(variables.{CONFIG_MAP} != '' || variables.{ASKED}.size() > 0)"
FROM_CONFIG_MAP = f"variables.{CONFIG_MAP} != ''"
MARK, MARKED_MAP = "the-profile", "the-config-map"
"""In the places of a profile and of a ConfigMap, until the tree is CEL."""
_ROLE = "arn:aws:iam::111122223333:role/the-role"
"""In the place of an ARN."""

_CONFIG_MAP = f"object.metadata.?annotations[?'{names.PROFILES_ANNOTATION}'].orValue('').trim()"
_LINES = f"""\
object.metadata.?annotations[?'{names.CONTAINER_ROLES_ANNOTATION}'].orValue('').split('\\n')
  .map(line, line.trim()).filter(line, line != '')"""
NAMED = (
    f"['{names.CONTAINER_ROLES_ANNOTATION}', '{names.PROFILES_ANNOTATION}']"
    ".exists(name, name in object.metadata.?annotations.orValue({}))"
)
"""Whether a pod names roles of single containers, rightly or wrongly."""
_SERVES_PROFILES = (
    f"{sentences.CONTAINERS}.exists(container, {sentences.IS_SIDECAR} && (container.?envFrom.orValue([]) != []\n"
    f"  || container.?env.orValue([]).exists(item, item.name == '{PROFILES_VARIABLE}')))"
)
"""Of the sidecar: a ConfigMap or Secret may say so, too."""
_PAIRS = f"{_LINES}.filter(line, line.contains('=')).map(line, line.split('=', 2).map(part, part.trim()))"


def asked() -> dict[str, str]:
    """What a pod asks for, once it is known to be possible: variables."""
    return {
        CONFIG_MAP: _CONFIG_MAP,
        ASKED: f"{_PAIRS}.transformMapEntry(index, pair, {{pair[0]: pair[1]}})",
        ROLES: f"{FROM_CONFIG_MAP}\n  ? variables.{ASKED}\n  : variables.{ASKED}.transformMap(name, role, name)",
        PROFILES: f"variables.{ROLES}.transformList(name, profile, profile).distinct().sort()",
    }


def served() -> dict[str, str]:
    """Further ones, for the sidecar."""
    profiles = f"variables.{PROFILES}"
    return {SERVED: f"{profiles}.size() == 0 ? '*' : {profiles}.join(',')"}


def marked() -> tuple[ContainerRoles, ContainerRoles]:
    """From a ConfigMap and by ARNs: of a container without a name, with a mark in the place of each profile's name."""
    by_container = {"": MARK}
    return ContainerRoles(MARKED_MAP, by_container), ContainerRoles("", by_container, {MARK: _ROLE})


def of_the_pod(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec that was made with a mark: its sidecar and volumes for all profiles."""
    (sidecar,) = spec["initContainers"]
    env = [
        item | {"value": CelText(item["value"], f"variables.{SERVED}")} if item["name"] == "SIDECAR_PROFILES" else item
        for item in sidecar["env"]
    ]
    sidecar = sidecar | {"env": env, "volumeMounts": _each(sidecar["volumeMounts"])}
    volumes = filled(_each(spec["volumes"]), MARKED_MAP, f"variables.{CONFIG_MAP}")
    return {**spec, "initContainers": [sidecar], "volumes": volumes}


def _each(items: list[Any]) -> list[Any]:
    """The last item, which has the mark, for each profile."""
    *others, last = items
    return [*others, Each(f"variables.{PROFILES}", "profile", filled(last, MARK, "profile"))]


def config() -> str:
    """The text that ARNs become: the sidecar's config file."""
    text = filled(container_roles.profile_text(MARK, _ROLE), MARK, "profile").cel
    each = text.replace(_ROLE, f"' + variables.{ASKED}[profile] + '")
    return f"variables.{PROFILES}.map(profile, {each}).join('\\n')"


def refused(options: Options) -> str:
    """Each stands for an error of `asked_roles`."""
    if options.port is None:
        return f"{_CONFIG_MAP} == '' && {_LINES} == []\n  ? []\n  : [{written(asking.NO_ENDPOINT)}]"
    taken = f"'{names.CONFIG_ANNOTATION}' in object.metadata.?annotations.orValue({{}})"
    return f"""\
({taken} ? [{written(asking.TAKEN)}] : [])
+ ([{_CONFIG_MAP}]
  .filter(name, name != '' && !name.matches({written(f"^{container_roles.CONFIG_MAP}$")}))
  .map(name, 'annotation {names.PROFILES_ANNOTATION}: ' + name + {written(asking.NOT_A_CONFIG_MAP)}))
+ ([{_LINES}].map(lines, lines == [] ? [] :
  {_of_lines(options)})[0]
  .map(sentence, 'annotation {names.CONTAINER_ROLES_ANNOTATION}: ' + sentence))"""


def _of_lines(options: Options) -> str:
    there = f"{sentences.CONTAINERS}.map(container, container.name)"
    pairs = "lines.filter(line, line.contains('=')).map(line, line.split('=', 2).map(part, part.trim()))"
    profile = written(f"^{container_roles.PROFILE}$")
    role = written(role_arn_pattern(options.config.endpoint_url))
    return f"""\
lines.filter(line, !line.contains('=')).map(line, line + {written(asking.NOT_A_LINE)})
  + [{pairs}].map(pairs,
    [{there}].map(there, pairs.filter(pair, !(pair[0] in there))
      .map(pair, pair[0] + {written(asking.NO_CONTAINER)}))[0]
    + (pairs.map(pair, pair[0]).distinct().size() == pairs.size() ? [] :
      pairs.map(pair, pair[0]).distinct().filter(name, pairs.filter(pair, pair[0] == name).size() > 1)
      .map(name, name + {written(asking.TWO_ROLES)}))
    + ({_CONFIG_MAP} != ''
      ? pairs.filter(pair, pair[1] == '{DEFAULT_ROLE}')
          .map(pair, pair[0] + '={DEFAULT_ROLE}' + {written(asking.OF_ALL_OTHERS)})
        + pairs.filter(pair, !pair[1].matches({profile})).map(pair, pair[1] + {written(asking.NOT_A_PROFILE)})
      : pairs.filter(pair, !pair[1].matches({role})).map(pair, pair[1] + {written(asking.NOT_A_ROLE)})
        + pairs.filter(pair, pair[0] == '{DEFAULT_ROLE}' || !pair[0].matches({profile}))
          .map(pair, pair[0] + {written(asking.NOT_FOR_A_ROLE)}))
  )[0]"""


AS_ADDED = f"!('{names.RECORD_ANNOTATION}' in object.metadata.?annotations.orValue({{}}))"
"""Not a sidecar of `inject`, whose addresses may be others, and which has said itself what it left unchanged."""


def doubtful(options: Options, *, named: bool) -> Rules:
    """Rules that each stand for a warning, of `checks` and `container_roles`. They read the variables of `asked`."""
    if options.port is None or not named:
        return {"elsewhere": elsewhere(options, "", "true")}
    token = f"item.name == '{AUTHORIZATION}' && {HAS_OWN} && {AS_ADDED}"
    not_its = f"'is not the token of the role ' + {OWN} + '; remove it, SDKs then read the file'"
    return {
        "elsewhere": elsewhere(options, "", f"!({HAS_OWN})"),
        "ownElsewhere": elsewhere(options, MARK, HAS_OWN),
        "ownToken": sentences.variables(token, not_its),
        "configMap": _unseen(),
        "unserved": sentences.when(f"{ANY} && !{_SERVES_PROFILES}", asking.UNSERVED_ROLES),
    }


def elsewhere(options: Options, profile: str, condition: str) -> ContainerRule:
    """Variables of a container that lead its SDK to another place than the sidecar."""
    needed = {item["name"]: item.get("value", "metadata.uid") for item in environment(options, profile)}
    names_of = written([*needed])
    wanted = f"{written(filled(needed, MARK, OWN), '    ')}[item.name]"
    value = "item.?value.orValue(item.?valueFrom.?fieldRef.?fieldPath.orValue(''))"
    sentence = f"'unchanged, but the sidecar needs ' + {wanted} + '. Remove yours, and the policy sets it'"
    return sentences.variables(f"item.name in {names_of} && {condition} && {AS_ADDED} && {value} != {wanted}", sentence)


def _unseen() -> str:
    line = filled(container_roles.needed_line(MARK), MARK, "profile").cel
    lines = f"variables.{PROFILES}.map(profile, {line}).join('; ')"
    return f"""\
{FROM_CONFIG_MAP}
  ? ['ConfigMap ' + variables.{CONFIG_MAP} + {written(asking.UNSEEN)}
    + (variables.{PROFILES}.size() == 0 ? '' : {written(asking.NEEDED_LINES)} + {lines})]
  : []"""
