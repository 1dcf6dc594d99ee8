"""The role that plain variables describe: by the projected token, or by another container-credentials endpoint."""

from collections.abc import Iterator
from pathlib import Path

from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.session_request import SessionRequest
from sidecar.settings.catalogue import SETTINGS, Settings
from sidecar.settings.complaints import BadSetting
from sidecar.settings.roles import (
    ContainerSettings,
    CredentialsFileSettings,
    RoleSettings,
    SourceSettings,
    StsConnection,
    WebIdentitySettings,
)
from sidecar.settings.rules import Values

ECS_ENDPOINT = "http://169.254.170.2"
"""What AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is relative to, in every SDK."""
WEB_IDENTITY = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
CONTAINER_ENDPOINT = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def no_source(values: Values) -> Iterator[BadSetting]:
    """Complaints where neither a role to assume nor an endpoint to ask is named."""
    if not asks_sts(values):
        return
    for setting in SETTINGS:
        if setting.variable in WEB_IDENTITY and values.get(setting.variable, "") is None:
            yield BadSetting(setting.variable, f"required. {setting.meaning}")


def asks_sts(values: Values) -> bool:
    """Whether the plain role is assumed with the token; else its credentials come from a container endpoint."""
    return values.get("AWS_ROLE_ARN", "") is not None or not any(map(values.get, CONTAINER_ENDPOINT))


def plain_role(settings: Settings, sts: StsConnection | None) -> RoleSettings:
    """The role of `settings` without complaints. `sts`: None where none is asked."""
    file = settings.credentials_file
    return RoleSettings(
        name=DEFAULT_ROLE,
        source=_source(settings, sts),
        required=True,
        credentials_file=CredentialsFileSettings(path=file, profile=settings.credentials_profile) if file else None,
    )


def _source(settings: Settings, sts: StsConnection | None) -> SourceSettings:
    if sts is None or settings.role_arn is None or settings.token_file is None:
        return container_endpoint(settings)
    session = SessionRequest(name=settings.session_name, duration=settings.duration)
    return WebIdentitySettings(role_arn=settings.role_arn, token_file=settings.token_file, session=session, sts=sts)


def container_endpoint(settings: Settings) -> ContainerSettings:
    """The endpoint that the variables name; the relative one wins, as in SDKs."""
    path, file = settings.container_path, settings.container_token_file
    url = f"{ECS_ENDPOINT}{path}" if path else settings.container_uri or ""
    return ContainerSettings(url=url, token=settings.container_token, token_file=Path(file) if file else None)
