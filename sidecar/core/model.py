"""The nouns: frozen values that pass between rooms. A secret is never part of a `repr`."""

import re
from dataclasses import dataclass, field
from math import inf

from sidecar.core.arns import account_of
from sidecar.core.claims import Claims

Instant = float
"""Seconds on the steady clock (`ports.Clock.now`): for scheduling. Never jumps; means nothing in another process."""
UnixTime = float
"""Seconds since 1970, as somebody's wall clock tells: for comparing with times that others wrote."""
Seconds = float

DEFAULT_ROLE = "default"
"""The name of the one role that plain variables describe."""
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""What STS accepts as RoleSessionName (service model 2011-06-15, roleSessionNameType)."""


@dataclass(frozen=True, slots=True)
class Token:
    """What the projected file held at one moment. Two tokens are equal when their text is."""

    raw: str = field(repr=False)
    claims: Claims = field(compare=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One session that STS issued."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    role_arn: str
    """The IAM role that was asked for, `""` where a container endpoint did not tell whose credentials it gives."""
    assumed_role_arn: str
    """Who the holder is: `arn:aws:sts::<account>:assumed-role/<role>/<session name>`."""
    expiration: UnixTime
    """As STS said, on STS's clock: what clients are told."""
    issued_at: Instant
    expires_at: Instant
    """The same moment on our steady clock: what we act on."""
    request_id: str = ""
    """STS's name for the call, to quote to AWS support."""
    sts_time: UnixTime | None = None
    """What STS's clock showed at `issued_at`; None where it did not say."""
    region: str = ""
    """The region whose STS issued them, where several may be asked."""
    renew_at: Instant = inf
    """When to ask again, however long they live: a fallback region issued them, and home may be back by then."""

    told_account_id: str = ""
    """The account, where the answer named it beside the role."""

    @property
    def account_id(self) -> str:
        """The account that the holder acts in, or `""` where nobody told it."""
        return account_of(self.assumed_role_arn) or self.told_account_id

    @property
    def lifetime(self) -> Seconds:
        return self.expires_at - self.issued_at
