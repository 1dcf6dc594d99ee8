"""The role that a profile describes: its own keys, and the plain variables where it does not say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.session_request import LONGEST_CHAINED, ChainedSessionRequest, SessionRequest
from sidecar.faces.registry import CONTAINER, ECS, IMDS, FaceSpec
from sidecar.http.addresses import Address, UnixAddress
from sidecar.settings import rules
from sidecar.settings.complaints import BadSetting
from sidecar.settings.fallback_regions import VARIABLE as FALLBACKS
from sidecar.settings.plain_role import container_endpoint
from sidecar.settings.profile import Profile
from sidecar.settings.profile_keys import CHAINS_ONLY, SESSION
from sidecar.settings.roles import (
    AUTH_TOKEN_MODE,
    ChainSettings,
    ContainerSettings,
    CredentialsFileSettings,
    RoleSettings,
    SourceSettings,
    StsConnection,
    WebIdentitySettings,
)
from sidecar.settings.sts_connection import sts_connection
from sidecar.sts.endpoints import is_of_aws

CONTAINER_BASE = "credential_source:EcsContainer"
"""The role that the container endpoint's own credentials are, where chains stand on them. No profile has that name."""
KEY_OF = {
    "AWS_ROLE_ARN": "role_arn",
    "AWS_REGION": "region",
    "AWS_ENDPOINT_URL_STS": "endpoint_url",
    "AWS_USE_FIPS_ENDPOINT": "use_fips_endpoint",
    "AWS_USE_DUALSTACK_ENDPOINT": "use_dualstack_endpoint",
    CONTAINER.setting: "sidecar_listen",
    ECS.setting: "sidecar_ecs_listen",
    IMDS.setting: "sidecar_imds_listen",
}


@dataclass(frozen=True, slots=True)
class PlainSettings:
    """The values of the plain variables, by variable; the environment itself, for proxies alone."""

    values: rules.Values = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


def role_of(profile: Profile, plain: PlainSettings, complaints: list[BadSetting]) -> RoleSettings | None:
    """None with at least one complaint more. Whether others are served it is not this profile's to say."""
    before = len(complaints)
    complaints += _contradictions(profile)
    complaints += _unprotected(profile, plain)
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
        listen=_listen(profile, plain),
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
            sts=_signed(profile, plain),
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
        sts=_sts(profile, plain),
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


# --- which STS is asked ----------------------------------------------------------------------------------------


def _sts(profile: Profile, plain: PlainSettings) -> StsConnection:
    """Raises `BadSetting`."""
    values = _sts_values(profile, plain)
    try:
        sts = sts_connection(values, plain.environ)
        for complaint in (*rules.unencrypted(values), *rules.foreign_role(values)):
            raise complaint
    except BadSetting as complaint:
        raise _placed(complaint, profile) from None
    return sts


def _signed(profile: Profile, plain: PlainSettings) -> StsConnection:
    """The same for a call that is signed, and a signature names a region. Raises `BadSetting`."""
    sts = _sts(profile, plain)
    if sts.region is None:
        raise profile.complaint("region", "required, also with an endpoint of one's own: the call is signed for it.")
    return sts


def _sts_values(profile: Profile, plain: PlainSettings) -> dict[str, Any]:
    """As if the profile's own values stood in the variables."""
    keys, values = profile.keys, plain.values
    endpoint = None if keys.no_endpoint_urls else profile.endpoint_url or values.get("AWS_ENDPOINT_URL_STS")
    return {
        **values,
        "AWS_ROLE_ARN": keys.role_arn,
        "AWS_REGION": keys.region or values.get("AWS_REGION"),
        "AWS_ENDPOINT_URL_STS": endpoint,
        "AWS_USE_FIPS_ENDPOINT": _first(keys.fips, values.get("AWS_USE_FIPS_ENDPOINT")),
        "AWS_USE_DUALSTACK_ENDPOINT": _first(keys.dualstack, values.get("AWS_USE_DUALSTACK_ENDPOINT")),
        "AWS_CA_BUNDLE": keys.ca_bundle or values.get("AWS_CA_BUNDLE"),
        FALLBACKS: () if endpoint and not is_of_aws(str(endpoint)) else values.get(FALLBACKS, ()),
    }


def _first(own: bool | None, plain: bool | None) -> bool | None:
    return plain if own is None else own


def _placed(complaint: BadSetting, profile: Profile) -> BadSetting:
    """A complaint about a variable, told of the profile: its key, or the variable that stands in for it."""
    key = KEY_OF.get(complaint.setting, complaint.setting)
    return profile.complaint(key, complaint.problem, complaint.value)


# --- who is given it -------------------------------------------------------------------------------------------


def _listen(profile: Profile, plain: PlainSettings) -> dict[FaceSpec, tuple[Address, ...]]:
    keys, values = profile.keys, plain.values
    given = {CONTAINER: keys.listen, ECS: keys.ecs_listen, IMDS: keys.imds_listen}
    return {face: rules.with_access(addresses, values) for face, addresses in given.items() if addresses}


def _unprotected(profile: Profile, plain: PlainSettings) -> Iterator[BadSetting]:
    """Complaints about addresses where others would be given the role."""
    listen = _listen(profile, plain)
    values: dict[str, Any] = {face.setting: addresses for face, addresses in listen.items()}
    tokens = {name: plain.values.get(name) for name in ("SIDECAR_AUTH_TOKEN", "SIDECAR_AUTH_TOKEN_FILE")}
    own = {"SIDECAR_AUTH_TOKEN_FILE": profile.keys.auth_token_file} if profile.keys.auth_token_file else {}
    for complaint in rules.exposed(values | tokens | own):
        yield _placed(complaint, profile)
    if profile.keys.auth_token_file:
        yield from _past_the_token(profile, listen)


def _past_the_token(profile: Profile, listen: Mapping[FaceSpec, tuple[Address, ...]]) -> Iterator[BadSetting]:
    for face, addresses in listen.items():
        open_to_all = [address for address in addresses if not isinstance(address, UnixAddress)]
        if open_to_all and not face.protected:
            problem = (
                "would give the role to every container of the pod, past sidecar_authorization_token_file: its "
                "clients send no token; take one of the two out."
            )
            yield profile.complaint(KEY_OF[face.setting], problem, value=repr(str(open_to_all[0])))


def _credentials_file(profile: Profile) -> CredentialsFileSettings | None:
    file = profile.keys.credentials_file
    return CredentialsFileSettings(path=file, profile=profile.name) if file else None
