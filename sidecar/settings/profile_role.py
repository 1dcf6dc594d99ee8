"""The role that a profile describes: its own keys, and the plain variables where it does not say."""

from collections.abc import Iterator
from typing import Any

from sidecar.core.session_request import LONGEST_CHAINED, ChainedSessionRequest, SessionRequest
from sidecar.settings.complaints import BadSetting
from sidecar.settings.plain_role import container_endpoint
from sidecar.settings.profile import Profile
from sidecar.settings.profile_keys import CHAINS_ONLY, SESSION
from sidecar.settings.profile_listeners import own_addresses, unprotected
from sidecar.settings.profile_sts import PlainSettings, asked_sts, signed_sts
from sidecar.settings.roles import (
    AUTH_TOKEN_MODE,
    ChainSettings,
    ContainerSettings,
    CredentialsFileSettings,
    RoleSettings,
    SourceSettings,
    WebIdentitySettings,
)

CONTAINER_BASE = "credential_source:EcsContainer"
"""The role that the container endpoint's own credentials are, where chains stand on them. No profile has that name."""


def role_of(profile: Profile, plain: PlainSettings, complaints: list[BadSetting]) -> RoleSettings | None:
    """None with at least one complaint more. Whether others are served it is not this profile's to say."""
    before = len(complaints)
    complaints += _contradictions(profile)
    complaints += unprotected(profile, plain)
    source = _source_or_complaint(profile, plain, complaints) if len(complaints) == before else None
    if source is None:
        return None
    keys = profile.keys
    return RoleSettings(
        name=profile.name,
        source=source,
        required=bool(keys.required),
        auth_token_file=keys.auth_token_file,
        auth_token_mode=keys.auth_token_mode or AUTH_TOKEN_MODE,
        listen=own_addresses(profile, plain),
        credentials_file=_credentials_file(profile),
    )


def capped(profile: Profile) -> Iterator[str]:
    """A warning about a chain that asks for more than AWS gives."""
    if is_chain(profile) and (profile.keys.duration or 0) > LONGEST_CHAINED:
        asked = profile.keys.duration
        limit = f"{LONGEST_CHAINED}, AWS's limit for role chaining"
        yield f"{profile.place} duration_seconds: {asked} is capped at {limit}."


def is_chain(profile: Profile) -> bool:
    """Whether its role is assumed with the credentials of another."""
    keys = profile.keys
    return bool(keys.source_profile) or (keys.credential_source is not None and "role_arn" in profile.given)


# --- where the credentials come from ---------------------------------------------------------------------------


def _contradictions(profile: Profile) -> Iterator[BadSetting]:
    given = profile.given
    bases = [key for key in ("source_profile", "credential_source", "web_identity_token_file") if key in given]
    if len(bases) > 1:
        yield profile.complaint(bases[1], f"cannot be combined with {bases[0]}; keep the one that is meant.")
    if not given & {"role_arn", "credential_source"}:
        yield profile.complaint("role_arn", "required: without it the profile names no source of credentials.")
    if "role_arn" not in given and "credential_source" in given:
        for key in SESSION:
            if key in given:
                yield profile.complaint(key, "is for a role that is assumed: add role_arn, or take the key out.")
    elif not is_chain(profile):
        for key in CHAINS_ONLY:
            if key in given:
                yield profile.complaint(
                    key, "is for chains: AssumeRoleWithWebIdentity takes none; take it out, or add source_profile."
                )


def _source_or_complaint(profile: Profile, plain: PlainSettings, complaints: list[BadSetting]) -> SourceSettings | None:
    try:
        return _source(profile, plain)
    except BadSetting as complaint:
        complaints.append(complaint)
        return None


def _source(profile: Profile, plain: PlainSettings) -> SourceSettings:
    """Raises `BadSetting`."""
    keys = profile.keys
    if keys.role_arn is None:
        return container_endpoint_of(profile, plain)
    if is_chain(profile):
        return ChainSettings(
            role_arn=keys.role_arn,
            base=keys.source_profile or CONTAINER_BASE,
            session=_chained(profile, plain),
            sts=signed_sts(profile, plain),
        )
    token_file = keys.token_file or plain.values.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if token_file is None:
        raise profile.complaint(
            "web_identity_token_file",
            "required, or AWS_WEB_IDENTITY_TOKEN_FILE for all profiles; or name a source_profile.",
        )
    return WebIdentitySettings(
        role_arn=keys.role_arn,
        token_file=token_file,
        session=SessionRequest(**_session(profile, plain)),
        sts=asked_sts(profile, plain),
        token_file_key="web_identity_token_file" if keys.token_file else "AWS_WEB_IDENTITY_TOKEN_FILE",
    )


def container_endpoint_of(profile: Profile, plain: PlainSettings) -> ContainerSettings:
    """The endpoint in the environment. Raises `BadSetting` where there is none."""
    if (found := container_endpoint(plain.values)) is None:
        problem = "needs an endpoint; set AWS_CONTAINER_CREDENTIALS_FULL_URI in the sidecar's container."
        raise profile.complaint("credential_source", problem, value="EcsContainer")
    return found


def _session(profile: Profile, plain: PlainSettings) -> dict[str, Any]:
    keys = profile.keys
    return {
        "name": keys.session_name or plain.values.get("AWS_ROLE_SESSION_NAME"),
        "duration": keys.duration or plain.values.get("SIDECAR_DURATION") or SessionRequest().duration,
        "policy": keys.policy.text if keys.policy else None,
        "policy_arns": keys.policy_arns or (),
    }


def _chained(profile: Profile, plain: PlainSettings) -> ChainedSessionRequest:
    """Raises `BadSetting`."""
    keys, session = profile.keys, _session(profile, plain)
    tags, transitive = keys.tags or (), keys.transitive_tags or ()
    if unknown := [key for key in transitive if key not in dict(tags)]:
        problem = "is no key of sidecar_tags; name only tags that the session has."
        raise profile.complaint("sidecar_transitive_tags", problem, value=repr(unknown[0]))
    return ChainedSessionRequest(
        **session | {"duration": min(session["duration"], LONGEST_CHAINED)},
        external_id=keys.external_id,
        tags=tags,
        transitive_tags=transitive,
        source_identity=keys.source_identity,
    )


def _credentials_file(profile: Profile) -> CredentialsFileSettings | None:
    file = profile.keys.credentials_file
    return CredentialsFileSettings(path=file, profile=profile.name) if file else None
