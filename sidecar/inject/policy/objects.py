"""The objects that add the sidecar without a server: policies that change pods, and others that judge them."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from sidecar.inject import names
from sidecar.inject.options import Options
from sidecar.inject.policy import container_roles, mutation, parameters, rules
from sidecar.inject.policy.sentences import any_found, message
from sidecar.inject.yaml_writer import Paragraph, Style, block_mapping

Object = dict[str, Any]

NAMESPACE = "irsa-sidecar"
"""Where the parameters are."""
POLICY, ROLE_POLICY, WARNINGS = names.SIDECAR, f"{names.SIDECAR}-role", f"{names.SIDECAR}-warnings"
_API = "admissionregistration.k8s.io/v1"
_MUTATING, _VALIDATING = "MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"
_CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
_REQUEST = f"object.metadata.labels['{names.REQUEST_LABEL}']"
_FOUND = "found"
"""A variable: whether there is something to warn of."""
_ASKING = {"matchLabels": {names.REQUEST_LABEL: "enabled"}}
_LABELLED = {"matchExpressions": [{"key": names.REQUEST_LABEL, "operator": "Exists"}]}


def objects(options: Options, namespace: str = NAMESPACE) -> list[Object]:
    """All that a cluster needs, in the order in which it is applied."""
    values, mutating = parameters.values(options), _adding(options)
    name = f"{names.SIDECAR}-{_digest([values, mutating])}"
    # A new policy never takes old parameters, nor an old one new ones: while one replaces the other, pods are refused.
    mutating["matchConditions"].insert(0, _condition("own-parameters", f"params.metadata.name == '{name}'"))
    reference = {"namespace": namespace, "name": name, "parameterNotFoundAction": "Allow"}
    roles = {"name": names.ROLES, "parameterNotFoundAction": "Allow"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        _CONFIG_MAP | {"metadata": {"name": name, "namespace": namespace}, "data": values},
        *_bound(_MUTATING, POLICY, mutating, paramRef=reference),
        *_bound(_MUTATING, ROLE_POLICY, _role(), paramRef=roles),
        *_bound(_VALIDATING, POLICY, _refusing(options, f"{namespace}/{name}"), validationActions=["Deny"]),
        *_bound(_VALIDATING, WARNINGS, _warning(options), validationActions=["Warn", "Audit"]),
    ]


def text(documents: Iterable[Object]) -> str:
    """As YAML."""
    return "---\n".join("\n".join([*block_mapping(document, 0, Style()), ""]) for document in documents)


def _bound(kind: str, name: str, spec: Object, **binding: Any) -> list[Object]:
    """A policy, and the binding that puts it into force in all namespaces."""
    metadata = {"name": name}
    return [
        {"apiVersion": _API, "kind": kind, "metadata": metadata, "spec": spec},
        {"apiVersion": _API, "kind": f"{kind}Binding", "metadata": metadata, "spec": {"policyName": name, **binding}},
    ]


def _of_pods(selector: Object) -> Object:
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return {"failurePolicy": "Fail", "matchConstraints": {"objectSelector": selector, "resourceRules": [pods]}}


def _adding(options: Options) -> Object:
    """Parameters that are missing or bad add nothing: the validating policy then says so in a sentence."""
    tree = mutation.wanted(parameters.marked(options))
    return _of_pods(_ASKING) | {
        "reinvocationPolicy": "Never",
        "paramKind": _CONFIG_MAP,
        "matchConditions": [
            _condition("all-parameters", "\n&& ".join(parameters.conditions(options))),
            _condition("no-sidecar-yet", f"!{rules.HAS_SIDECAR}"),
            # All conditions are evaluated, and again after the sidecar was added.
            _condition("nothing-refused", f"{rules.HAS_SIDECAR}\n|| !({any_found(rules.refused(options))})"),
        ],
        "variables": [_variable(name, cel) for name, cel in mutation.variables(tree, options).items()],
        "mutations": [_patch(mutation.expression(tree, options))],
    }


def _role() -> Object:
    """The role of the namespace's ConfigMap: a policy's binding has parameters from one place only.

    The order of policies is not defined. If this one comes first, it is asked again after the other has added the
    sidecar.
    """
    return _of_pods(_ASKING) | {
        "reinvocationPolicy": "IfNeeded",
        "paramKind": _CONFIG_MAP,
        "matchConditions": [_condition("needs-role", mutation.NEEDS_ROLE)],
        "mutations": [_patch(mutation.ROLE_FROM_NAMESPACE)],
    }


def _refusing(options: Options, config_map: str) -> Object:
    refused = {name: f"{rules.HAS_SIDECAR}\n? []\n: ({cel})" for name, cel in rules.refused(options).items()}
    incomplete = list(rules.incomplete(options, config_map).items())
    *others, last = (name for name, _ in incomplete)
    return _of_pods(_LABELLED) | {
        "matchConditions": [
            _condition("not-disabled", f"{_REQUEST} != 'disabled'"),
            # Messages are computed, from all variables, also where nothing is refused: so pods that are right end here.
            _condition("not-complete", f"!{rules.HAS_SIDECAR}\n|| {any_found(dict(incomplete[:-1]))}"),
        ],
        "variables": [_variable(name, cel) for name, cel in (refused | dict(incomplete)).items()],
        "validations": [_validation([*refused, *others]), _validation([last])],
    }


def _warning(options: Options) -> Object:
    """A message is computed also where nothing is found: so one pass over the containers comes first, again and again.

    Conditions know no variables, and so none of the pods that name roles of single containers.
    """
    found = rules.doubtful(options)
    unnamed = any_found(rules.doubtful(options, named=False))
    variables = container_roles.asked() | dict(found) | {_FOUND: any_found(found)}
    sentences = " + ".join(f"variables.{name}" for name in found)
    told = f"variables.{_FOUND} ? {message(f'({sentences})')} : ''"
    return _of_pods(_ASKING) | {
        "failurePolicy": "Ignore",
        "matchConditions": [_condition("something-found", f"{container_roles.NAMED}\n|| {unnamed}")],
        "variables": [_variable(name, cel) for name, cel in variables.items()],
        "validations": [{"expression": f"!variables.{_FOUND}", "messageExpression": told}],
    }


def _validation(names: Iterable[str]) -> Object:
    found = f"({' + '.join(f'variables.{name}' for name in names)})"
    return {"expression": f"{found}.size() == 0", "messageExpression": message(found)}


def _condition(name: str, cel: object) -> Object:
    """`cel` is a text, or a rule that gives one."""
    return {"name": name, "expression": Paragraph(cel)}


_variable = _condition


def _patch(cel: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": Paragraph(cel)}}


def _digest(spec: Any) -> str:
    return sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
