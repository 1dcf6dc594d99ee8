"""The three operations of STS, each with its checks in STS's order. No HTTP here, and no faults.

The order is the one that can be observed from outside: parameters, the token's shape and claims, the provider
in the role's account, the issuer's keys, signature, time, audience, trust policy, duration, session policy. Where the
order of two checks cannot be observed, it is inference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sidecar import trust
from sidecar.lab.aws import parameters, session_policy, token_verification
from sidecar.lab.aws.answers import (
    Fields,
    StsRefusal,
    access_denied,
    invalid_token,
    timestamp,
    validation_error,
)
from sidecar.lab.aws.arns import IamRoleArn, parse_role_arn
from sidecar.lab.aws.chaining import admitted, next_source_identity, refuse_what_is_not_modelled
from sidecar.lab.aws.iam import Iam, IamOidcProvider, IamRole
from sidecar.lab.aws.parameters import Form
from sidecar.lab.aws.session_tags import sent_tags, tags_of_the_next
from sidecar.lab.aws.sessions import IssuedSession, RoleSession, Sessions
from sidecar.lab.aws.token_verification import DecodedToken, IssuerKeys
from sidecar.trust import RequestContext, SessionTags, chained_actions

CHAINED_LIMIT = 3600
"""Seconds; a role assumed with a role's credentials lives no longer (AWS STS API reference, AssumeRole)."""


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The fields of the response, and the session if one was issued."""

    result: Fields
    issued: IssuedSession | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays with a session: its tags, and who is at the other end of the chain."""

    tags: SessionTags
    source_identity: str = ""


@dataclass(frozen=True, slots=True)
class Operations:
    """STS's decisions over one IAM, one set of sessions and the issuers' keys.

    `session_lifetime` (seconds) replaces what a request asks for, so that a rehearsal can see credentials expire.
    """

    iam: Callable[[], Iam]
    sessions: Sessions = field(repr=False)
    keys: IssuerKeys
    session_lifetime: float | None = None

    async def assume_role_with_web_identity(self, form: Form, now: float, source_ip: str) -> OperationResult:
        parameters.check(form, parameters.WEB_IDENTITY_PARAMETERS)
        _refuse_provider_id(form)
        arn = _role_arn(form)
        token = token_verification.take_apart(form["WebIdentityToken"])
        iam = self.iam()
        provider = iam.provider(arn, token.issuer)
        if provider is None:
            raise _no_provider(iam, arn, token.issuer)
        await self._verify(token, now)
        audience = _audience(token, provider)
        request = trust.web_identity(
            token.claims, provider.arn, session_name=form["RoleSessionName"], source_ip=source_ip, now=now
        )
        for action in trust.required_actions(token.claims):
            role = _trusted(iam, arn, trust.for_action(request, action), f"Not authorized to perform {action}")
        kept = Kept(trust.claimed_tags(token.claims), trust.claimed_source_identity(token.claims))
        issued = self._issue(form, role, now, kept)
        result = _result(issued, form) | {
            "Audience": audience,
            "Provider": provider.arn,
            "SubjectFromWebIdentityToken": token.claims["sub"],
        }
        return OperationResult(result, issued)

    def assume_role(self, form: Form, caller: RoleSession, now: float, source_ip: str) -> OperationResult:
        """Role chaining: the caller is a role already, so the new session lives for an hour at most."""
        parameters.check(form, parameters.ASSUME_ROLE_PARAMETERS)
        refuse_what_is_not_modelled(form)
        arn = _role_arn(form)
        if parameters.duration(form) > CHAINED_LIMIT:
            raise validation_error(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
            )
        sent, source_identity = sent_tags(form), next_source_identity(form, caller)
        kept = Kept(tags_of_the_next(sent, caller.inherited), source_identity)
        request = trust.role_session(
            caller.role_arn,
            caller.arn,
            session_name=form["RoleSessionName"],
            external_id=form.get("ExternalId", ""),
            source_ip=source_ip,
            now=now,
            sent=sent,
            inherited=caller.inherited,
            source_identity=source_identity,
        )
        role = admitted(self.iam(), arn, caller, request, chained_actions(sent, caller.inherited, source_identity))
        issued = self._issue(form, role, now, kept)
        return OperationResult(_result(issued, form) | _named({"SourceIdentity": source_identity}), issued)

    async def _verify(self, token: DecodedToken, now: float) -> None:
        key = await self.keys.find(token.issuer, str(token.header.get("kid", "")))
        token_verification.check_signature(token, key)
        token_verification.check_times(token.claims, now)

    def _issue(self, form: Form, role: IamRole, now: float, kept: Kept) -> IssuedSession:
        seconds = parameters.duration(form)
        if seconds > role.max_session_duration:
            raise validation_error(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                why=f"Asked for {seconds} s, the role allows {role.max_session_duration} s.",
            )
        session_policy.check(form)
        lifetime = seconds if self.session_lifetime is None else self.session_lifetime
        name = form["RoleSessionName"]
        return self.sessions.issue(
            arn=role.arn.session(name),
            assumed_role_id=f"{role.arn.unique_id}:{name}",
            role_arn=str(role.arn),
            expires_at=float(math.floor(now + lifetime)),
            tags=dict(kept.tags.values),
            transitive_tags=kept.tags.transitive,
            source_identity=kept.source_identity,
            policy=form.get("Policy", ""),
        )


def caller_identity(caller: RoleSession) -> Fields:
    """The answer to GetCallerIdentity, which needs no permission."""
    return {"Arn": caller.arn, "UserId": caller.assumed_role_id, "Account": caller.account}


def _role_arn(form: Form) -> IamRoleArn:
    try:
        return parse_role_arn(form["RoleArn"])
    except ValueError as error:
        raise validation_error("Request ARN is invalid", why=str(error)) from error


def _refuse_provider_id(form: Form) -> None:
    """Only OAuth 2.0 providers have one. AWS's wording is not known."""
    if "ProviderId" in form:
        raise validation_error("ProviderId must not be given for an OpenID Connect token")


def _no_provider(iam: Iam, arn: IamRoleArn, issuer: str) -> StsRefusal:
    urls = {provider.url for provider in iam.providers if provider.account == arn.account}
    why = f"Account {arn.account} has providers for: {', '.join(sorted(urls)) or 'none'}."
    if issuer.rstrip("/") in {url.rstrip("/") for url in urls}:
        why += " They differ by a trailing slash, or by partition."
    return invalid_token(f"No OpenIDConnect provider found in your account for {issuer}", why=why)


def _audience(token: DecodedToken, provider: IamOidcProvider) -> str:
    """Raises StsRefusal unless the provider knows the client that the token is for."""
    party = token.claims.get("azp")
    if party is None and len(token.audiences) > 1:
        raise invalid_token("Token audience contains more than one audience while authorized party is not present")
    audience = str(party if party is not None else token.audiences[0])
    if audience not in provider.client_ids and not provider.is_built_in:
        known = ", ".join(provider.client_ids) or "none"
        raise invalid_token(
            "Incorrect token audience", why=f"{audience!r} is not a client id of the provider: {known}."
        )
    return audience


def _trusted(iam: Iam, arn: IamRoleArn, request: RequestContext, message: str) -> IamRole:
    """The role, if it exists and trusts the request. From outside, both refusals look alike."""
    role = iam.role(arn)
    if role is None:
        raise access_denied(message, why=f"There is no role {arn}.")
    verdict = trust.evaluate(role.policy, request)
    if not verdict.allowed:
        raise access_denied(message, why=verdict.reason)
    return role


def _named(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def _result(issued: IssuedSession, form: Form) -> dict[str, str | Fields]:
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
    if packed := session_policy.packed_size(form):
        result["PackedPolicySize"] = str(session_policy.percent_of_limit(packed))
    return result
