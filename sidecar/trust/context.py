"""What a request looks like to IAM: who asks for which action, and the condition keys that come with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ASSUME_ROLE = "sts:AssumeRole"
ASSUME_ROLE_WITH_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"

CLAIM_KEYS = ("aud", "oaud", "sub", "amr", "email")
"""The claims that become condition keys: four documented, `email` seen to work. Others are dropped by AWS."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request. `principals` are the names by which a policy may mean the caller, all of one `principal_kind`.

    `keys` maps condition keys, lower-cased because IAM ignores the case of key names, to their values.
    """

    action: str
    principal_kind: str
    principals: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]


def issuer_prefix(issuer: str) -> str:
    """The issuer as ARNs and condition keys spell it: without its scheme, path, port and case kept."""
    return issuer.removeprefix("https://").removeprefix("http://")


def web_identity(
    claims: Mapping[str, Any],
    provider_arn: str,
    *,
    session_name: str = "",
    source_ip: str = "",
    now: float | None = None,
) -> RequestContext:
    """What AssumeRoleWithWebIdentity shows to a trust policy. `now` is in Unix seconds; without it no key tells time.

    `azp`, where a token has it, stands in for `aud`, which then is still seen as `oaud` (documented by AWS for
    Google, applied to every issuer: inference). `aws:SecureTransport` is true because STS listens on TLS alone.
    Which `aws:` and `sts:` keys a real request carries is partly inference.
    """
    issuer = issuer_prefix(str(claims.get("iss", "")))
    audiences = _values(claims.get("aud"))
    values = {
        "aud": _values(claims.get("azp")) or audiences[:1],
        "oaud": audiences,
        "sub": _values(claims.get("sub")),
        "amr": _values(claims.get("amr")),
        "email": _values(claims.get("email")),
    }
    keys = {f"{issuer}:{claim}": found for claim, found in values.items()}
    keys |= {"aws:FederatedProvider": (provider_arn,)} | _common_keys(session_name, source_ip, now)
    return RequestContext(ASSUME_ROLE_WITH_WEB_IDENTITY, "Federated", (provider_arn,), _present(keys))


def role_session(
    role_arn: str,
    session_arn: str,
    *,
    session_name: str = "",
    external_id: str = "",
    source_ip: str = "",
    now: float | None = None,
) -> RequestContext:
    """What AssumeRole shows to a trust policy when a role's session calls it (chaining).

    The caller is meant by its role, by its session, and by its whole account, as number or as root.
    """
    _, partition, _, _, account, _ = session_arn.split(":", 5)
    keys = {
        "aws:PrincipalArn": (role_arn,),
        "aws:PrincipalAccount": (account,),
        "sts:ExternalId": _values(external_id),
    }
    names = (role_arn, session_arn, account, f"arn:{partition}:iam::{account}:root")
    return RequestContext(ASSUME_ROLE, "AWS", names, _present(keys | _common_keys(session_name, source_ip, now)))


def _common_keys(session_name: str, source_ip: str, now: float | None) -> dict[str, tuple[str, ...]]:
    keys = {
        "sts:RoleSessionName": _values(session_name),
        "aws:SourceIp": _values(source_ip),
        "aws:SecureTransport": ("true",),
    }
    return keys if now is None else keys | _time_keys(now)


def _present(keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name.casefold(): found for name, found in keys.items() if found}


def _time_keys(now: float) -> dict[str, tuple[str, ...]]:
    moment = datetime.fromtimestamp(int(now), UTC)
    return {
        "aws:CurrentTime": (moment.isoformat().replace("+00:00", "Z"),),
        "aws:EpochTime": (str(int(now)),),
    }


def _values(claim: Any) -> tuple[str, ...]:
    values = claim if isinstance(claim, (list, tuple)) else (claim,)
    return tuple(str(value) for value in values if value not in (None, ""))
