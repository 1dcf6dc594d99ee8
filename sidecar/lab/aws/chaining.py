"""Role chaining: whether a role's session may assume another role, and what of it goes on to the next session."""

from sidecar import trust
from sidecar.lab.aws.answers import StsRefusal, access_denied, validation_error
from sidecar.lab.aws.arns import IamRoleArn
from sidecar.lab.aws.iam import Iam, IamRole
from sidecar.lab.aws.parameters import Form
from sidecar.lab.aws.sessions import RoleSession
from sidecar.trust import Permissions, RequestContext

_NOT_MODELLED = ("SerialNumber", "TokenCode", "ProvidedContexts.")


def refuse_what_is_not_modelled(form: Form) -> None:
    for name in form:
        if name.startswith(_NOT_MODELLED):
            raise validation_error(f"irsa-sidecar lab does not support {name}; AWS does. Omit it here.")


def next_source_identity(form: Form, caller: RoleSession) -> str:
    """The one that is sent, else the caller's, which nobody down the chain can change."""
    sent = form.get("SourceIdentity", "")
    if caller.source_identity and sent not in ("", caller.source_identity):
        raise validation_error("The source identity is already set for this assume role session")
    return sent or caller.source_identity


def admitted(
    iam: Iam, arn: IamRoleArn, caller: RoleSession, request: RequestContext, actions: tuple[str, ...]
) -> IamRole:
    """The role, if both sides allow the caller all that the call needs. From outside, the refusals look alike."""
    role, base = iam.role(arn), iam.role_by_text(caller.role_arn)
    if role is None:
        raise denied(caller, trust.ASSUME_ROLE, arn, f"There is no role {arn}.")
    policy = trust.parse_identity(caller.policy, "the session policy") if caller.policy else None
    found = trust.evaluate_chain(
        str(arn), role.policy, Permissions(base.permissions if base else (), policy), request, actions
    )
    if found.refused is not None:
        raise denied(caller, found.refused.action, arn, found.refused.reason)
    return role


def denied(caller: RoleSession, action: str, arn: IamRoleArn, why: str) -> StsRefusal:
    return access_denied(f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}", why=why)
