"""The three operations: who may become whom, checked in STS's order. No HTTP here, and no faults of the wire.

The order is that of the facts people could observe from outside: parameters, the token's shape and claims, the provider
in the role's account, the issuer's keys, signature, time, audience, trust policy, duration, session policy. Where two
checks could be exchanged unseen, their order is inference.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sidecar import trust
from sidecar.lab.aws import parameters, verification
from sidecar.lab.aws.answers import (
    NOT_AUTHORIZED,
    Fields,
    Refusal,
    access_denied,
    invalid_token,
    timestamp,
    validation_error,
)
from sidecar.lab.aws.arns import RoleArn, parse_role_arn
from sidecar.lab.aws.iam import Iam, Provider, Role
from sidecar.lab.aws.parameters import Form
from sidecar.lab.aws.sessions import Issued, Session, Sessions
from sidecar.lab.aws.verification import IssuerKeys, Unverified
from sidecar.trust import RequestContext

CHAINED_LIMIT = 3600
"""Seconds; a role assumed with a role's credentials lives no longer (AWS STS API reference, AssumeRole)."""
PACKED_LIMIT = 2048
_NOT_MODELLED = ("Tags.", "TransitiveTagKeys.", "SourceIdentity", "SerialNumber", "TokenCode", "ProvidedContexts.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation answers, and to whom it gave credentials."""

    result: Fields
    issued: Issued | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """`session_lifetime` replaces what a request asks for, so that a rehearsal can see credentials end (seconds)."""

    session_lifetime: float | None = None
    leeway: float = 0.0


@dataclass(frozen=True, slots=True)
class Operations:
    """STS's decisions over one IAM, one set of sessions and the issuers' keys."""

    iam: Callable[[], Iam]
    sessions: Sessions = field(repr=False)
    keys: IssuerKeys
    rules: Rules = field(default_factory=Rules)

    async def assume_role_with_web_identity(self, form: Form, now: float, source_ip: str) -> Outcome:
        parameters.check(form, parameters.WEB_IDENTITY)
        _refuse_provider_id(form)
        arn = _role_arn(form)
        token = verification.take_apart(form["WebIdentityToken"])
        iam = self.iam()
        provider = iam.provider(arn, token.issuer)
        if provider is None:
            raise _no_provider(iam, arn, token.issuer)
        await self._verify(token, now)
        audience = _audience(token, provider)
        request = trust.web_identity(
            token.claims, provider.arn, session_name=form["RoleSessionName"], source_ip=source_ip, now=now
        )
        role = _trusted(iam, arn, request, NOT_AUTHORIZED)
        issued = self._issue(form, role, parameters.duration(form), now)
        result = _result(issued, form) | {
            "Audience": audience,
            "Provider": provider.arn,
            "SubjectFromWebIdentityToken": token.claims["sub"],
        }
        return Outcome(result, issued)

    def assume_role(self, form: Form, caller: Session, now: float, source_ip: str) -> Outcome:
        """Chaining: who calls is a role already, so the new session lives for an hour at most.

        Permission policies of the calling role are not modelled; the trust policy alone decides.
        """
        parameters.check(form, parameters.ASSUME_ROLE)
        _refuse_what_is_not_modelled(form)
        arn = _role_arn(form)
        if parameters.duration(form) > CHAINED_LIMIT:
            raise validation_error(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
            )
        message = f"User: {caller.arn} is not authorized to perform: {trust.ASSUME_ROLE} on resource: {arn}"
        request = trust.role_session(
            caller.role_arn,
            caller.arn,
            session_name=form["RoleSessionName"],
            external_id=form.get("ExternalId", ""),
            source_ip=source_ip,
            now=now,
        )
        role = _trusted(self.iam(), arn, request, message)
        issued = self._issue(form, role, parameters.duration(form), now)
        return Outcome(_result(issued, form), issued)

    async def _verify(self, token: Unverified, now: float) -> None:
        key = await self.keys.find(token.issuer, str(token.header.get("kid", "")))
        verification.check_signature(token, key)
        verification.check_times(token.claims, now, self.rules.leeway)

    def _issue(self, form: Form, role: Role, seconds: int, now: float) -> Issued:
        if seconds > role.max_session_duration:
            raise validation_error(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                why=f"Asked for {seconds} s, the role allows {role.max_session_duration} s.",
            )
        _check_session_policy(form)
        lifetime = seconds if self.rules.session_lifetime is None else self.rules.session_lifetime
        name = form["RoleSessionName"]
        return self.sessions.issue(
            arn=role.arn.session(name),
            assumed_role_id=f"{role.arn.unique_id}:{name}",
            role_arn=str(role.arn),
            expires_at=float(math.floor(now + lifetime)),
        )


def caller_identity(caller: Session) -> Fields:
    """GetCallerIdentity needs no permission."""
    return {"Arn": caller.arn, "UserId": caller.assumed_role_id, "Account": caller.account}


def _role_arn(form: Form) -> RoleArn:
    try:
        return parse_role_arn(form["RoleArn"])
    except ValueError as error:
        raise validation_error("Request ARN is invalid", why=str(error)) from error


def _refuse_provider_id(form: Form) -> None:
    """OAuth 2.0 providers alone have one. AWS's wording is not known."""
    if "ProviderId" in form:
        raise validation_error("ProviderId must not be given for an OpenID Connect token")


def _refuse_what_is_not_modelled(form: Form) -> None:
    for name in form:
        if name.startswith(_NOT_MODELLED):
            raise validation_error(f"irsa-sidecar lab does not model {name}; AWS does. Leave it out here.")


def _no_provider(iam: Iam, arn: RoleArn, issuer: str) -> Refusal:
    urls = {provider.url for provider in iam.providers if provider.account == arn.account}
    why = f"Account {arn.account} has providers for: {', '.join(sorted(urls)) or 'nobody'}."
    if issuer.rstrip("/") in {url.rstrip("/") for url in urls}:
        why += " They differ by a trailing slash, or by partition."
    return invalid_token(f"No OpenIDConnect provider found in your account for {issuer}", why=why)


def _audience(token: Unverified, provider: Provider) -> str:
    """Raises Refusal unless the provider knows the client that the token is for."""
    party = token.claims.get("azp")
    if party is None and len(token.audiences) > 1:
        raise invalid_token("Token audience contains more than one audience while authorized party is not present")
    audience = str(party if party is not None else token.audiences[0])
    if audience not in provider.client_ids:
        known = ", ".join(provider.client_ids) or "none"
        raise invalid_token(
            "Incorrect token audience", why=f"{audience!r} is not a client id of the provider: {known}."
        )
    return audience


def _trusted(iam: Iam, arn: RoleArn, request: RequestContext, message: str) -> Role:
    """The role, if it exists and trusts the request. Both kinds of no look alike from outside."""
    role = iam.role(arn)
    if role is None:
        raise access_denied(message, why=f"There is no role {arn}.")
    verdict = trust.evaluate(role.policy, request)
    if not verdict.allowed:
        raise access_denied(message, why=verdict.reason)
    return role


def _check_session_policy(form: Form) -> None:
    arns = parameters.policy_arns(form)
    if len(arns) > 10:  # noqa: PLR2004 (AWS STS API reference)
        raise validation_error(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
            "Member must have length less than or equal to 10"
        )
    if "Policy" in form:
        _check_is_policy(form["Policy"])
    if _packed(form) > PACKED_LIMIT:
        percent = math.ceil(_packed(form) * 100 / PACKED_LIMIT)
        raise Refusal(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
        )


def _check_is_policy(text: str) -> None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.", why=str(error)) from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.", why="It has no Statement.")


def _packed(form: Form) -> int:
    """Characters of inline policy and managed policies' ARNs. AWS packs them in a way that it does not publish."""
    return len(form.get("Policy", "")) + sum(map(len, parameters.policy_arns(form)))


def _result(issued: Issued, form: Form) -> dict[str, str | Fields]:
    session = issued.session
    result: dict[str, str | Fields] = {
        "AssumedRoleUser": {"AssumedRoleId": session.assumed_role_id, "Arn": session.arn},
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": timestamp(session.expires_at),
        },
    }
    if packed := _packed(form):
        result["PackedPolicySize"] = str(math.ceil(packed * 100 / PACKED_LIMIT))
    return result
