"""The one list of settings: parser, `--help` and docs/settings.md are made from it.

Where AWS has a name for something we use it, so that a pod spec written for an SDK keeps its variables.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sidecar.core.arns import RoleArn
from sidecar.settings import parsers


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `parse` turns its text into a value, or raises `ValueError` saying what is allowed."""

    variable: str
    parse: Callable[[str], Any]
    meaning: str
    default: str | None = None
    required: bool = False
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def flag(self) -> str | None:
        """The flag of the same name; None for a secret, which everyone on the node could read in the process list."""
        if self.secret:
            return None
        return "--" + bare(self.variable).lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting as it stands. `text`: what was given or is the default, None for neither; of a secret, only `set`.

    `given_by`: the variable or the flag, None where nobody gave it.
    """

    variable: str
    text: str | None
    given_by: str | None


SETTINGS = (
    Setting(
        "AWS_ROLE_ARN",
        RoleArn.parse,
        "The role to assume: `arn:<partition>:iam::<account>:role/<path and name>`.",
        required=True,
    ),
    Setting(
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        parsers.file_path,
        "The projected service-account token: an absolute path.",
        required=True,
    ),
    Setting(
        "AWS_ROLE_SESSION_NAME",
        parsers.session_name,
        "What CloudTrail shows as the caller; unset: `<namespace>.<pod>` from the token.",
    ),
    Setting(
        "AWS_REGION",
        parsers.region,
        "Whose STS to call, always the regional one. Required unless an endpoint is set.",
        aliases=("AWS_DEFAULT_REGION",),
    ),
    Setting(
        "AWS_ENDPOINT_URL_STS",
        parsers.endpoint_url,
        "Another STS endpoint, such as a VPC endpoint or the lab.",
        aliases=("AWS_ENDPOINT_URL",),
    ),
    Setting("AWS_USE_FIPS_ENDPOINT", parsers.switch, "`true`: STS's FIPS endpoint.", "false"),
    Setting("AWS_USE_DUALSTACK_ENDPOINT", parsers.switch, "`true`: STS's IPv4 and IPv6 endpoint.", "false"),
    Setting("AWS_CA_BUNDLE", parsers.ca_bundle, "A PEM file of the CAs to trust instead of the system's."),
    Setting(
        "SIDECAR_LISTEN",
        parsers.listeners,
        "Where credentials are served: IP:PORT or unix:/PATH, several with commas, or `off`. "
        "An address that others can reach needs an authorization token.",
        "127.0.0.1:9911",
    ),
    Setting(
        "SIDECAR_ADMIN_LISTEN",
        parsers.addresses,
        "Where health, metrics and the status page are served. In an IPv6 cluster: `[::]:9912`.",
        "0.0.0.0:9912",
    ),
    Setting(
        "SIDECAR_AUTH_TOKEN",
        parsers.authorization_token,
        "What clients must send as `Authorization`; their AWS_CONTAINER_AUTHORIZATION_TOKEN.",
        secret=True,
    ),
    Setting(
        "SIDECAR_AUTH_TOKEN_FILE",
        parsers.authorization_file,
        "The same from a file, which may rotate; the previous token stays good for an hour.",
    ),
    Setting(
        "SIDECAR_ECS_LISTEN",
        parsers.listeners,
        "Where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI leads: `169.254.170.2:80`. Off when unset. "
        "No token can be asked for there: whatever reaches the address gets credentials.",
    ),
    Setting(
        "SIDECAR_IMDS_LISTEN",
        parsers.listeners,
        "Where EC2's instance metadata service is imitated: `169.254.169.254:80`, or any loopback address that "
        "AWS_EC2_METADATA_SERVICE_ENDPOINT names. Off when unset.",
    ),
    Setting("SIDECAR_IMDS_V1", parsers.switch, "`true`: answer IMDSv1 as well, without a session token.", "false"),
    Setting(
        "SIDECAR_IMDS_MIN_LIFE",
        parsers.seconds,
        "Seconds that credentials must have left on IMDS, where SDKs use them for longer than they live. "
        "At most half of what is left when a refresh begins: 750 for sessions of 50 minutes or more.",
        "900",
    ),
    Setting(
        "SIDECAR_IMDS_AVAILABILITY_ZONE",
        parsers.availability_zone,
        "What `placement/availability-zone` says on IMDS. Unset: 404, for the sidecar does not know.",
    ),
    Setting(
        "SIDECAR_CREDENTIALS_FILE",
        parsers.file_path,
        "Also write the credentials to this file, as in `~/.aws/credentials`. The file is the sidecar's own: "
        "whatever else it held is replaced.",
    ),
    Setting("SIDECAR_CREDENTIALS_FILE_PROFILE", parsers.profile_name, "The profile in that file.", "default"),
    Setting("SIDECAR_CREDENTIALS_FILE_MODE", parsers.file_mode, "The permissions of that file, octal.", "0600"),
    Setting("SIDECAR_CREDENTIALS_FILE_REMOVE", parsers.switch, "`true`: remove that file at exit.", "false"),
    Setting(
        "SIDECAR_DURATION",
        parsers.session_duration,
        "Seconds a session lives: 900 up to the role's MaxSessionDuration. Under 1800 some SDKs ask on every call.",
        "3600",
    ),
    Setting("SIDECAR_LOG_LEVEL", parsers.log_level, "debug, info, warning or error.", "info"),
    Setting("SIDECAR_LOG_FORMAT", parsers.log_format, "json or text.", "json"),
    Setting(
        "SIDECAR_GRACE",
        parsers.seconds,
        "Seconds to keep serving after SIGTERM, while other containers finish. 0 for a native sidecar, "
        "which is told last.",
        "25",
    ),
)

FROM_ENVIRONMENT = (
    ("HTTPS_PROXY", "A proxy for the call to STS (`https_proxy` too; `HTTP_PROXY` for an http endpoint)."),
    ("NO_PROXY", "Hosts to call directly."),
)
"""Read with curl's rules by `endpoints.proxy_for`; no flags: a proxy's URL may hold a password."""


def bare(variable: str) -> str:
    return re.sub("^(SIDECAR|AWS)_", "", variable)
