"""The fields by which a form asks for more than a plain session: policy, tags, ExternalId, source identity.

Names and order: AWS STS API reference, AssumeRole, and the service model of version 2011-06-15.
"""

from collections.abc import Sequence

from sidecar.core.claims import Claims
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.sts.tag_placeholders import filled

Fields = dict[str, str]


def policy_fields(policy: str | None, policy_arns: Sequence[str]) -> Fields:
    """The session policy's, which both calls take."""
    inline = {"Policy": policy} if policy else {}
    return inline | {f"PolicyArns.member.{index}.arn": arn for index, arn in enumerate(policy_arns, 1)}


def chained_fields(session: ChainedSessionRequest, claims: Claims) -> Fields:
    """Everything that AssumeRole takes beside role, name and duration. Raises `ClaimMissing`."""
    fields = policy_fields(session.policy, session.policy_arns) | _tag_fields(session, claims)
    fields |= {f"TransitiveTagKeys.member.{index}": key for index, key in enumerate(session.transitive_tags, 1)}
    named = {"ExternalId": session.external_id, "SourceIdentity": session.source_identity}
    return fields | {name: value for name, value in named.items() if value}


def _tag_fields(session: ChainedSessionRequest, claims: Claims) -> Fields:
    fields: Fields = {}
    for index, (key, value) in enumerate(session.tags, 1):
        fields[f"Tags.member.{index}.Key"] = key
        fields[f"Tags.member.{index}.Value"] = filled(value, key, claims)
    return fields
