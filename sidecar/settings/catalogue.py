"""Every setting, declared once: the parser, `--help`, the table in docs/settings.md and `Config` are made from it.

Where AWS has a name for something we use it, so that a pod spec written for an SDK keeps its variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.arns import RoleArn
from sidecar.core.model import Seconds
from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, RELATIVE_URI
from sidecar.faces.registry import FACES, FaceSpec
from sidecar.http import address_texts
from sidecar.http.addresses import Address
from sidecar.settings import parsers
from sidecar.settings.setting import Setting, defaulted, one_for_each, optional, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A new setting is a new field: its variable, its parser, its meaning, and its default if it has one."""

    role_arn: RoleArn | None = optional(
        "AWS_ROLE_ARN",
        RoleArn.parse_any,
        "The role to assume: `arn:<partition>:iam::<account>:role/<path and name>`; with another STS server "
        "any `arn:…:role/…`.",
    )
    token_file: Path | None = optional(
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        parsers.file_path,
        "The absolute path of the projected service-account token.",
    )
    container_uri: str | None = optional(
        FULL_URI,
        str,
        "Where AWS_ROLE_ARN is not set: the container-credentials endpoint to take the credentials from, such as "
        "the EKS Pod Identity agent's.",
        secret=True,
    )
    container_path: str | None = optional(
        RELATIVE_URI, str, "The same for the endpoint of Amazon ECS: a path at `http://169.254.170.2`.", secret=True
    )
    container_token: str | None = optional(AUTHORIZATION, str, "The token to present to that endpoint.", secret=True)
    container_token_file: Path | None = optional(
        AUTHORIZATION_FILE, Path, "A file with that token. Read again for each call; it wins over the variable."
    )
    config_file: Path | None = optional(
        "AWS_CONFIG_FILE",
        parsers.file_path,
        "A file in AWS's config format, whose profiles are roles: SIDECAR_PROFILES names them. Read again when it "
        "changes.",
    )
    profiles: tuple[str, ...] | None = optional(
        "SIDECAR_PROFILES",
        parsers.profile_names,
        "The profiles of that file to serve as roles, separated by commas, or `*` for all: each at "
        "`/v1/credentials/NAME`.",
    )
    default_profile: str | None = optional(
        "SIDECAR_DEFAULT_PROFILE",
        parsers.profile_name,
        "The profile that is served where no name is asked for. Default: the role that the variables describe.",
    )
    session_name: str | None = optional(
        "AWS_ROLE_SESSION_NAME",
        parsers.session_name,
        "The session name, which CloudTrail shows as the caller. Default: `<namespace>.<pod>` from the token.",
    )
    region: str | None = optional(
        "AWS_REGION",
        parsers.region,
        "The region whose STS is called; never the global endpoint. Required unless an STS endpoint is set.",
        aliases=("AWS_DEFAULT_REGION",),
    )
    endpoint_url: str | None = optional(
        "AWS_ENDPOINT_URL_STS",
        parsers.endpoint_url,
        "The URL of another STS endpoint, such as a VPC endpoint, the lab, or "
        "another server's: MinIO, Ceph, SeaweedFS, versitygw.",
        aliases=("AWS_ENDPOINT_URL",),
    )
    sts_http: bool = defaulted(
        "SIDECAR_STS_HTTP",
        parsers.switch,
        "`true`: accept an STS endpoint with `http://` outside this machine. It sends the token unencrypted.",
        "false",
    )
    fips: bool = defaulted("AWS_USE_FIPS_ENDPOINT", parsers.switch, "`true`: call the FIPS endpoint of STS.", "false")
    dualstack: bool = defaulted(
        "AWS_USE_DUALSTACK_ENDPOINT",
        parsers.switch,
        "`true`: call the dual-stack endpoint of STS (IPv4 and IPv6).",
        "false",
    )
    fallback_regions: tuple[str, ...] = defaulted(
        "SIDECAR_STS_FALLBACK_REGIONS",
        parsers.regions,
        "Regions whose STS is called while that of AWS_REGION is down, in this order: `eu-central-1,eu-west-2`. "
        "They must be in the same partition.",
        "",
    )
    ca_bundle: Path | None = optional(
        "AWS_CA_BUNDLE",
        parsers.ca_bundle,
        "A PEM file with the CAs to trust instead of the system's. Read again when it changes.",
    )
    listen: Mapping[FaceSpec, tuple[Address, ...]] = one_for_each(
        {face: Setting(face.setting, address_texts.listeners, face.meaning, face.listen) for face in FACES}
    )
    """Where each face listens: nowhere, if it is off."""
    admin_listen: tuple[Address, ...] = defaulted(
        "SIDECAR_ADMIN_LISTEN",
        address_texts.addresses,
        "The address of health, metrics and the status page. In an IPv6 cluster: `[::]:9912`.",
        "0.0.0.0:9912",
    )
    socket_mode: int | None = optional(
        "SIDECAR_SOCKET_MODE",
        parsers.socket_mode,
        "The permissions of the Unix sockets, in octal; clients need write permission. Default: from the umask.",
    )
    socket_group: int | None = optional(
        "SIDECAR_SOCKET_GROUP",
        parsers.group,
        "The group of the Unix sockets, by name or number, such as the pod's `fsGroup`.",
    )
    socket_owner: int | None = optional(
        "SIDECAR_SOCKET_OWNER",
        parsers.user,
        "The owner of the Unix sockets, by name or number, such as the application's `runAsUser`. It needs the "
        "capability CHOWN, unless it is the sidecar's own user.",
    )
    auth_token: str | None = optional(
        "SIDECAR_AUTH_TOKEN",
        parsers.authorization_token,
        "The token that clients must send as `Authorization`: their AWS_CONTAINER_AUTHORIZATION_TOKEN.",
        secret=True,
        empty_is_unset=False,
    )
    auth_token_file: Path | None = optional(
        "SIDECAR_AUTH_TOKEN_FILE",
        parsers.authorization_file,
        "A file with that token. When its content changes, the previous token is accepted for another hour.",
        empty_is_unset=False,
    )
    imds_v1: bool = defaulted(
        "SIDECAR_IMDS_V1", parsers.switch, "`true`: also answer IMDSv1 requests, which have no session token.", "false"
    )
    imds_min_life: Seconds = defaulted(
        "SIDECAR_IMDS_MIN_LIFE",
        parsers.seconds,
        "IMDS answers 503 when the credentials expire in fewer seconds than this, because SDKs use credentials from "
        "IMDS after they expire. Capped at a quarter of the session, which is 900 with sessions of an hour.",
        "900",
    )
    availability_zone: str | None = optional(
        "SIDECAR_IMDS_AVAILABILITY_ZONE",
        parsers.availability_zone,
        "The value of `placement/availability-zone` on IMDS. Default: none, which answers 404.",
    )
    credentials_file: Path | None = optional(
        "SIDECAR_CREDENTIALS_FILE",
        parsers.file_path,
        "Also write the credentials to this file, in the format of `~/.aws/credentials`. Other content is replaced.",
    )
    credentials_profile: str = defaulted(
        "SIDECAR_CREDENTIALS_FILE_PROFILE", parsers.profile_name, "The name of the profile in that file.", "default"
    )
    credentials_mode: int = defaulted(
        "SIDECAR_CREDENTIALS_FILE_MODE", parsers.file_mode, "The permissions of that file, in octal.", "0600"
    )
    credentials_removed: bool = defaulted(
        "SIDECAR_CREDENTIALS_FILE_REMOVE", parsers.switch, "`true`: remove that file at exit.", "false"
    )
    duration: int = defaulted(
        "SIDECAR_DURATION",
        parsers.session_duration,
        "The session duration in seconds: 900 to the role's MaxSessionDuration. With less than 1800 some SDKs fetch "
        "credentials on every call.",
        "3600",
    )
    log_level: str = defaulted("SIDECAR_LOG_LEVEL", parsers.log_level, "`debug`, `info`, `warning` or `error`.", "info")
    log_format: str = defaulted("SIDECAR_LOG_FORMAT", parsers.log_format, "`json` or `text`.", "json")
    grace: Seconds = defaulted(
        "SIDECAR_GRACE",
        parsers.seconds,
        "Seconds to keep serving after SIGTERM while other containers finish. 0 for a native sidecar, "
        "which Kubernetes terminates last.",
        "25",
    )


SETTINGS = tuple(settings_of(Settings))

FROM_ENVIRONMENT = (
    (
        "HTTPS_PROXY",
        "A proxy for the call to STS (`https_proxy` too; `HTTP_PROXY` for an http endpoint): "
        "`http://[USER:PASSWORD@]HOST:PORT`, with special characters of user and password as %XX.",
    ),
    ("NO_PROXY", "Hosts to call directly."),
)
"""Read with curl's rules by `endpoints.proxy_for`; no flags: a proxy's URL may hold a password."""
