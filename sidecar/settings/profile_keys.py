"""Every key of a profile that is read, declared once: the reader and the table in docs/roles.md are made from it.

AWS's own keys have AWS's own meaning (AWS SDKs and Tools Reference Guide); ours begin with `sidecar_`.
"""

from dataclasses import dataclass
from pathlib import Path

from sidecar.core.arns import RoleArn
from sidecar.http import address_texts
from sidecar.http.addresses import Address
from sidecar.settings import parsers, profile_parsers
from sidecar.settings.setting import optional, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKeys:
    """One profile's values; None where it has no such key. A new key is a new field."""

    role_arn: RoleArn | None = optional(
        "role_arn", RoleArn.parse_any, "The role to assume. Not set: the credentials of `credential_source` itself."
    )
    token_file: Path | None = optional(
        "web_identity_token_file",
        parsers.file_path,
        "The projected token to assume the role with. Default: AWS_WEB_IDENTITY_TOKEN_FILE.",
    )
    source_profile: str | None = optional(
        "source_profile",
        str,
        "Another profile, whose credentials assume the role (a chain). Without a `[default]` section that names a "
        "source, `default` is the role that the variables describe.",
    )
    credential_source: str | None = optional(
        "credential_source",
        profile_parsers.credential_source,
        "`EcsContainer`: the endpoint in AWS_CONTAINER_CREDENTIALS_FULL_URI. Its credentials assume the role; without "
        "`role_arn` they are served themselves.",
    )
    session_name: str | None = optional(
        "role_session_name",
        parsers.session_name,
        "The session name. Default: AWS_ROLE_SESSION_NAME, or from the token.",
    )
    duration: int | None = optional(
        "duration_seconds",
        parsers.session_duration,
        "The session duration. Default: SIDECAR_DURATION. At most 3600 in a chain.",
    )
    external_id: str | None = optional(
        "external_id", profile_parsers.external_id, "Chains only: the external ID.", secret=True
    )
    region: str | None = optional("region", parsers.region, "The region whose STS is called. Default: AWS_REGION.")
    endpoint_url: str | None = optional(
        "endpoint_url",
        parsers.endpoint_url,
        "The URL of another STS endpoint. The `sts` block of the `services` section wins. Default: "
        "AWS_ENDPOINT_URL_STS.",
    )
    services: str | None = optional("services", str, "The name of a `[services …]` section; its `sts` block is read.")
    no_endpoint_urls: bool | None = optional(
        "ignore_configured_endpoint_urls",
        profile_parsers.aws_switch,
        "`true`: call the region's own endpoint, whatever endpoints are set.",
    )
    fips: bool | None = optional(
        "use_fips_endpoint",
        profile_parsers.aws_switch,
        "`true`: call the FIPS endpoint. Default: AWS_USE_FIPS_ENDPOINT.",
    )
    dualstack: bool | None = optional(
        "use_dualstack_endpoint",
        profile_parsers.aws_switch,
        "`true`: call the dual-stack endpoint. Default: AWS_USE_DUALSTACK_ENDPOINT.",
    )
    ca_bundle: Path | None = optional(
        "ca_bundle", parsers.ca_bundle, "A PEM file with the CAs to trust. Default: AWS_CA_BUNDLE."
    )
    auth_token_file: Path | None = optional(
        "sidecar_authorization_token_file",
        profile_parsers.file_that_may_come,
        "Only requests with the token in this file get the role. Where there is no such file, the sidecar makes it.",
    )
    auth_token_mode: int | None = optional(
        "sidecar_authorization_token_mode",
        parsers.file_mode,
        "The permissions of a token file that the sidecar makes. Default: 0640.",
    )
    listen: tuple[Address, ...] | None = optional(
        "sidecar_listen",
        address_texts.listeners,
        "An address of its own, where `/` is this role. It alone shows the role then; `off`: none does.",
    )
    imds_listen: tuple[Address, ...] | None = optional(
        "sidecar_imds_listen", address_texts.listeners, "An IMDS of its own: every loopback address and port is free."
    )
    ecs_listen: tuple[Address, ...] | None = optional(
        "sidecar_ecs_listen", address_texts.listeners, "An address of its own for clients that know a relative URI."
    )
    credentials_file: Path | None = optional(
        "sidecar_credentials_file",
        parsers.file_path,
        "Also write the credentials to this file, in a section with the profile's name; profiles may share a file.",
    )
    policy: profile_parsers.PolicyFile | None = optional(
        "sidecar_policy_file",
        profile_parsers.policy_file,
        "A file with a session policy, which can only take rights away.",
    )
    policy_arns: tuple[str, ...] | None = optional(
        "sidecar_policy_arns", profile_parsers.policy_arns, "Managed policies as session policies, separated by commas."
    )
    tags: tuple[tuple[str, str], ...] | None = optional(
        "sidecar_tags",
        profile_parsers.tags,
        "Chains only: session tags, KEY=VALUE separated by commas, or one a line in an indented block. A value may "
        "hold `{namespace}`, `{pod}` and `{service_account}`, from the token.",
    )
    transitive_tags: tuple[str, ...] | None = optional(
        "sidecar_transitive_tags", profile_parsers.names, "Chains only: keys of those tags that the next chain keeps."
    )
    source_identity: str | None = optional(
        "sidecar_source_identity", profile_parsers.source_identity, "Chains only: the source identity."
    )
    required: bool | None = optional(
        "sidecar_required", profile_parsers.aws_switch, "`true`: `/readyz` waits for this role too."
    )


KEYS = tuple(settings_of(ProfileKeys))

SOURCES = ("role_arn", "web_identity_token_file", "source_profile", "credential_source")
"""A profile without any of them describes no role."""
CHAINS_ONLY = ("external_id", "sidecar_tags", "sidecar_transitive_tags", "sidecar_source_identity")
"""AssumeRoleWithWebIdentity takes none of these."""
SESSION = ("role_session_name", "duration_seconds", "sidecar_policy_file", "sidecar_policy_arns", *CHAINS_ONLY)
"""What a session is asked to be: nothing to ask where credentials come ready-made."""

_SIGN_IN = "a person signs in to it, and nobody is here to do that"
_STATIC = "static keys are not served: they never expire, and whoever reads the file has them"
UNSERVED = {
    "aws_access_key_id": _STATIC,
    "aws_secret_access_key": _STATIC,
    "aws_session_token": _STATIC,
    "aws_security_token": _STATIC,
    "credential_process": "no program is run for credentials",
    "mfa_serial": "nobody is here to type a code",
    "sso_session": _SIGN_IN,
    "sso_start_url": _SIGN_IN,
    "sso_region": _SIGN_IN,
    "sso_account_id": _SIGN_IN,
    "sso_role_name": _SIGN_IN,
    "login_session": _SIGN_IN,
}
"""Keys of AWS's that name credentials which we do not serve, and why."""
INSTEAD = "use role_arn with web_identity_token_file, source_profile or credential_source = EcsContainer"
