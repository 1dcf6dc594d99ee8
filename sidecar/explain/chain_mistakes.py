"""Why one action of a chained call is refused: the side, the statement and the part of it, with what to write."""

import json
from collections.abc import Iterator

from sidecar.core.arns import account_of
from sidecar.core.findings import Finding, Where, error
from sidecar.trust import (
    ASSUME_ROLE,
    SET_SOURCE_IDENTITY,
    TAG_SESSION,
    ActionEvaluation,
    Decision,
    Side,
    StatementResult,
    lacks_key,
)
from sidecar.trust.evaluate import ConditionResult
from sidecar.trust.identity import IdentityEvaluation

MISSING = {
    ASSUME_ROLE: "assume-role-missing",
    TAG_SESSION: "tag-session-missing",
    SET_SOURCE_IDENTITY: "source-identity-missing",
}
NEEDED_FOR = {
    ASSUME_ROLE: "the call itself",
    TAG_SESSION: "session tags, sent or transitive",
    SET_SOURCE_IDENTITY: "a source identity, sent or kept",
}


def refusal(action: ActionEvaluation, base_arn: str, target_arn: str) -> Iterator[Finding]:
    """All that is wrong on the side that refuses; between accounts both sides must allow it, so both are told."""
    match action.refused_by:
        case Side.TRUST:
            yield from _of_trust(action, base_arn, target_arn)
            if account_of(base_arn) != account_of(target_arn) and not action.identity.allowed:
                yield from _of_identity(action, action.identity, base_arn, target_arn)
        case Side.IDENTITY:
            yield from _of_identity(action, action.identity, base_arn, target_arn)
        case Side.SESSION if action.session is not None:
            yield error(
                "session-policy-denies",
                f"The session policy of {base_arn} does not allow {action.action}: {action.session.reason}",
                f"Allow {action.action} on {target_arn} in the base profile's sidecar_policy_file.",
            )


# --- the target's trust policy ---------------------------------------------------------------------------------


def _of_trust(action: ActionEvaluation, base_arn: str, target_arn: str) -> Iterator[Finding]:
    trust, wanted = action.trust, f'"Principal": {{"AWS": "{base_arn}"}}, "Action": "{action.action}"'
    if trust.decision is Decision.EXPLICIT_DENY:
        yield error("explicit-deny", f"The trust policy of {target_arn}: {trust.reason}", "Narrow that Deny.")
        return
    closest = trust.closest
    if closest is None:
        yield error("no-allow", f"The trust policy of {target_arn} has no Allow.", f"Add one with {wanted}.")
        return
    at: Where = ("Statement", closest.statement.index)
    if not closest.action:
        yield _action_missing(action, closest, target_arn, at)
    if not closest.principal:
        yield _other_principal(closest, base_arn, target_arn, at)
    for condition in closest.failed_conditions:
        yield _condition(condition, action, (*at, "Condition", condition.operator, condition.key))


def _action_missing(action: ActionEvaluation, closest: StatementResult, target_arn: str, at: Where) -> Finding:
    written = ", ".join(closest.statement.actions)
    hint = " (that one is for tokens)" if "WebIdentity" in written else ""
    return error(
        MISSING[action.action],
        f"The trust policy of {target_arn} allows {written}{hint}, not {action.action}, which is needed for "
        f"{NEEDED_FOR[action.action]}.",
        f'Write "Action": {json.dumps(sorted({*closest.statement.actions, action.action}))}.',
        (*at, "Action"),
    )


def _other_principal(closest: StatementResult, base_arn: str, target_arn: str, at: Where) -> Finding:
    names = [principal.name for principal in closest.statement.principals]
    message = f"The trust policy of {target_arn} names {', '.join(names)}, not {base_arn}{_hint(closest, base_arn)}."
    return error("other-principal", message, f'Write "Principal": {{"AWS": "{base_arn}"}}.', (*at, "Principal"))


def _hint(closest: StatementResult, base_arn: str) -> str:
    """How close it was."""
    name = base_arn.rpartition("/")[2]
    for principal in closest.statement.principals:
        if principal.kind == "Federated":
            return ": it trusts tokens, but this call is signed by a role"
        if principal.name.startswith("AROA"):
            return ": AWS writes such an id where a role was deleted; a role that is made anew has another"
        if principal.name.rpartition("/")[2] == name and account_of(principal.name) != account_of(base_arn):
            return "; the account differs"
        if principal.name.rpartition("/")[2] == name:
            return "; the path differs"
        if account_of(principal.name) == account_of(base_arn):
            return "; the role differs"
    return ""


def _condition(condition: ConditionResult, action: ActionEvaluation, where: Where) -> Finding:
    key = condition.key.casefold()
    if key == "sts:externalid":
        return _external_id(condition, where)
    if not condition.actual and lacks_key(action.action, key):
        return error(
            "key-not-in-action",
            f"{condition.key} is no key of {action.action}, so the statement never applies to it.",
            f'Give "{action.action}" a statement of its own, without this condition.',
            where,
        )
    if key == "aws:principalarn" and any(":assumed-role/" in value for value in condition.wanted):
        return error(
            "principal-arn-of-a-session",
            f"{condition}: of a session the key has the role's ARN.",
            f'Write "{condition.key}": "{"".join(condition.actual)}".',
            where,
        )
    if key.startswith(("aws:requesttag/", "aws:principaltag/")):
        return _tag(condition, where)
    return error("condition-fails", f"{condition}.", "Correct the condition, or what the profile sends.", where)


def _external_id(condition: ConditionResult, where: Where) -> Finding:
    wanted = " or ".join(condition.wanted)
    if not condition.actual:
        return error(
            "external-id-missing",
            "The trust policy wants an sts:ExternalId, and the profile has no external_id.",
            f"Write external_id = {wanted} into the profile.",
            where,
        )
    return error(
        "external-id-differs",
        f"The trust policy wants the sts:ExternalId `{wanted}`, the profile sends `{''.join(condition.actual)}`.",
        f"Write external_id = {wanted} into the profile, or let the target's owner correct the condition.",
        where,
    )


def _tag(condition: ConditionResult, where: Where) -> Finding:
    name = condition.key.partition("/")[2]
    sent = f"`{', '.join(condition.actual)}`" if condition.actual else "none"
    wanted = " or ".join(condition.wanted)
    if condition.key.casefold().startswith("aws:principaltag/"):
        where_to = "Name it in the base profile's sidecar_tags and sidecar_transitive_tags, or tag the base role."
    else:
        where_to = f"Write {name}={wanted} into the profile's sidecar_tags, or correct the condition."
    return error("tag-differs", f"{condition.key} must be `{wanted}`; the call has {sent}.", where_to, where)


# --- the base role's own policies ------------------------------------------------------------------------------


def _of_identity(
    action: ActionEvaluation, found: IdentityEvaluation, base_arn: str, target_arn: str
) -> Iterator[Finding]:
    statement = {"Effect": "Allow", "Action": action.action, "Resource": target_arn}
    attach = f"Attach to {base_arn}: {json.dumps(statement)}."
    if found.denied:
        yield error("explicit-deny", f"A policy of {base_arn} denies it: {found.reason}", "Narrow that Deny.")
    elif found.closest is None:
        yield error(
            f"base-{MISSING[action.action]}",
            f"No policy of {base_arn} allows {action.action}, which is needed for {NEEDED_FOR[action.action]}.",
            attach,
        )
    elif not found.closest.resource:
        written = ", ".join(found.closest.statement.resources)
        message = f"{found.closest.name} allows {action.action} on {written}, not on {target_arn}"
        hint = _path_hint(written, target_arn)
        yield error("base-resource-differs", f"{message}{hint}.", f'Write "Resource": "{target_arn}".')
    else:
        conditions = "; ".join(map(str, found.closest.failed_conditions))
        yield error("base-condition-fails", f"{found.closest.name} of {base_arn}: {conditions}.", attach)


def _path_hint(written: str, target_arn: str) -> str:
    same_name = written.rpartition("/")[2] == target_arn.rpartition("/")[2]
    return "; the path is part of a role's ARN" if same_name and account_of(written) == account_of(target_arn) else ""
