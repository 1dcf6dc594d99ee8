"""What a request looks like to IAM: who asks for which action, and the condition keys that come with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sidecar.trust.shared_issuers import BUILT_IN, sure_claims

ASSUME_ROLE = "sts:AssumeRole"
ASSUME_ROLE_WITH_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"

TAG_SESSION = "sts:TagSession"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"

CLAIM_KEYS = ("aud", "oaud", "sub", "amr", "email")
"""The claims that become condition keys: four documented, `email` seen to work. Of a cluster's token AWS drops the
others; some shared issuers have more (`shared_issuers`)."""

TAGS_CLAIM = "https://aws.amazon.com/tags"
SOURCE_IDENTITY_CLAIM = "https://aws.amazon.com/source_identity"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request. `principals` are the names by which a policy may mean the caller, all of one `principal_kind`.

    `keys` maps condition keys, lower-cased because IAM ignores the case of key names, to their values. `issuer` is the
    token's, without its scheme; "" where there is no token.
    """

    action: str
    principal_kind: str
    principals: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]
    issuer: str = ""


def issuer_prefix(issuer: str) -> str:
    """The issuer as ARNs and condition keys spell it: without its scheme, path, port and case kept."""
    return issuer.removeprefix("https://").removeprefix("http://")


def required_actions(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """What a trust policy must allow for this token, the call itself first.

    Source: IAM User Guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with assumed roles".
    """
    tags = _tags(claims)
    return (
        ASSUME_ROLE_WITH_WEB_IDENTITY,
        *((TAG_SESSION,) if tags.values or tags.transitive else ()),
        *((SET_SOURCE_IDENTITY,) if _values(claims.get(SOURCE_IDENTITY_CLAIM)) else ()),
    )


def principals_of(issuer: str, provider_arn: str) -> tuple[str, ...]:
    """The names by which a policy may mean the issuer's tokens. `issuer` has no scheme."""
    return (provider_arn, issuer) if issuer in BUILT_IN else (provider_arn,)


def web_identity(
    claims: Mapping[str, Any],
    provider_arn: str,
    *,
    session_name: str = "",
    source_ip: str = "",
    now: float | None = None,
    more: Mapping[str, str] | None = None,
) -> RequestContext:
    """What AssumeRoleWithWebIdentity shows to a trust policy. `now` is in Unix seconds; without it no key tells time.

    `more` are keys of the request itself that somebody saw, such as `aws:SourceVpce`.

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
    values |= {claim: _values(claims.get(claim)) for claim in sure_claims(issuer)}
    keys = {f"{issuer}:{claim}": found for claim, found in values.items()}
    keys |= {"aws:FederatedProvider": (provider_arn,)} | _common_keys(session_name, source_ip, now)
    keys |= _session_keys(claims) | {key: _values(value) for key, value in (more or {}).items()}
    principals = principals_of(issuer, provider_arn)
    return RequestContext(ASSUME_ROLE_WITH_WEB_IDENTITY, "Federated", principals, _present(keys), issuer)


@dataclass(frozen=True, slots=True)
class SessionTags:
    """Tags that a call passes, or a session has: by key, and the keys of those that go on to the next session."""

    values: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()


NO_TAGS = SessionTags()


def chained_actions(sent: SessionTags, inherited: SessionTags, source_identity: str) -> tuple[str, ...]:
    """What both sides must allow for AssumeRole, the call itself first.

    `inherited`: the caller's own tags; its transitive ones go on without being sent. `source_identity`: the one that is
    sent, or that the caller's session has and keeps.
    """
    return (
        ASSUME_ROLE,
        *((TAG_SESSION,) if sent.values or inherited.transitive else ()),
        *((SET_SOURCE_IDENTITY,) if source_identity else ()),
    )


def for_action(request: RequestContext, action: str) -> RequestContext:
    """The same request for one of the actions that it needs, with the keys that this action has.

    sts:RoleSessionName is a key of the call alone, and sts:SetSourceIdentity knows nothing of tags: users saw their
    conditions fail.
    """
    keys = {key: found for key, found in request.keys.items() if not lacks_key(action, key)}
    return replace(request, action=action, keys=keys)


def lacks_key(action: str, key: str) -> bool:
    """Whether this action never has the key, though another action of the same call may."""
    return key.casefold().startswith(_KEYS_MISSING.get(action, ()))


_KEYS_MISSING: Mapping[str, tuple[str, ...]] = {
    TAG_SESSION: ("sts:rolesessionname",),
    SET_SOURCE_IDENTITY: ("sts:rolesessionname", "aws:requesttag/", "aws:tagkeys", "sts:transitivetagkeys"),
}


def role_session(
    role_arn: str,
    session_arn: str,
    *,
    session_name: str = "",
    external_id: str = "",
    source_ip: str = "",
    now: float | None = None,
    sent: SessionTags = NO_TAGS,
    inherited: SessionTags = NO_TAGS,
    source_identity: str = "",
) -> RequestContext:
    """What AssumeRole shows to a policy when a role's session calls it (chaining).

    The caller is meant by its role, by its session, and by its whole account, as number or as root. `inherited`: the
    tags of the caller's session; `source_identity`: the one sent, or the caller's, which stays.
    """
    _, partition, _, _, account, _ = session_arn.split(":", 5)
    keys = {
        "aws:PrincipalArn": (role_arn,),
        "aws:PrincipalAccount": (account,),
        "aws:PrincipalType": ("AssumedRole",),
        "sts:ExternalId": _values(external_id),
        "sts:SourceIdentity": _values(source_identity),
        "aws:TagKeys": tuple(sent.values),
        "sts:TransitiveTagKeys": sent.transitive,
    }
    keys |= {f"aws:PrincipalTag/{key}": _values(value) for key, value in inherited.values.items()}
    keys |= {f"aws:RequestTag/{key}": _values(value) for key, value in sent.values.items()}
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


@dataclass(frozen=True, slots=True)
class _Tags:
    """The session tags that a token brings."""

    values: Mapping[str, tuple[str, ...]]
    transitive: tuple[str, ...]


def _tags(claims: Mapping[str, Any]) -> _Tags:
    """From one nested claim, or from one claim a tag, for issuers that cannot nest (IAM User Guide, session tags)."""
    nested = claims.get(TAGS_CLAIM)
    found = nested if isinstance(nested, dict) else {}
    tags = found.get("principal_tags")
    prefix = f"{TAGS_CLAIM}/principal_tags/"
    flat = {name.removeprefix(prefix): value for name, value in claims.items() if name.startswith(prefix)}
    whole = (tags if isinstance(tags, dict) else {}) | flat
    transitive = found.get("transitive_tag_keys") or claims.get(f"{TAGS_CLAIM}/transitive_tag_keys")
    return _Tags({str(name): _values(value) for name, value in whole.items()}, _values(transitive))


def claimed_tags(claims: Mapping[str, Any]) -> SessionTags:
    """The tags that a token's session has, one value each."""
    tags = _tags(claims)
    return SessionTags({name: "".join(values[:1]) for name, values in tags.values.items()}, tags.transitive)


def claimed_source_identity(claims: Mapping[str, Any]) -> str:
    """The source identity that a token's session has, "" for none."""
    return "".join(_values(claims.get(SOURCE_IDENTITY_CLAIM))[:1])


def _session_keys(claims: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    tags = _tags(claims)
    return {f"aws:RequestTag/{name}": values for name, values in tags.values.items()} | {
        "aws:TagKeys": tuple(tags.values),
        "sts:TransitiveTagKeys": tags.transitive,
        "sts:SourceIdentity": _values(claims.get(SOURCE_IDENTITY_CLAIM)),
    }


def _values(claim: Any) -> tuple[str, ...]:
    values = claim if isinstance(claim, (list, tuple)) else (claim,)
    return tuple(_text(value) for value in values if value not in (None, ""))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
