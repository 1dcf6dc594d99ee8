"""What a session is asked to be: the parameters of AssumeRole and AssumeRoleWithWebIdentity beside the role itself.

Names and limits are STS's (service model 2011-06-15).
"""

from dataclasses import dataclass, field

LONGEST_CHAINED = 3600
"""Seconds: AWS limits a session that another session asks for, whatever its role allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What both calls take."""

    name: str | None = None
    """RoleSessionName; None names the pod, from its token's claims."""
    duration: int = 3600
    """DurationSeconds."""
    policy: str | None = field(default=None, repr=False)
    """Policy: the JSON of a session policy, which can only take rights away."""
    policy_arns: tuple[str, ...] = ()
    """PolicyArns: managed policies that do the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedSessionRequest(SessionRequest):
    """What AssumeRole takes besides. `duration`: at most `LONGEST_CHAINED`, as the settings see to."""

    external_id: str | None = field(default=None, repr=False)
    """ExternalId. No secret by AWS's definition, but not everybody's either: it is not logged."""
    tags: tuple[tuple[str, str], ...] = ()
    """Tags by key; a value may hold placeholders for claims of the pod's token, such as `{namespace}`."""
    transitive_tags: tuple[str, ...] = ()
    """TransitiveTagKeys: keys of the tags that sessions further down the chain keep."""
    source_identity: str | None = None
    """SourceIdentity, which CloudTrail shows through the whole chain."""
