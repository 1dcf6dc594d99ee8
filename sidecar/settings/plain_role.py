"""The role that plain variables describe: by the projected token, or by another container-credentials endpoint."""

from collections.abc import Iterator, Mapping

from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.session_request import SessionRequest
from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, RELATIVE_URI
from sidecar.settings import rules
from sidecar.settings.catalogue import SETTINGS
from sidecar.settings.complaints import BadSetting, gathered
from sidecar.settings.fallback_regions import check_fallbacks
from sidecar.settings.roles import (
    ContainerSettings,
    CredentialsFileSettings,
    RoleSettings,
    SourceSettings,
    WebIdentitySettings,
)
from sidecar.settings.rules import Values
from sidecar.settings.sts_connection import sts_connection

ECS_ENDPOINT = "http://169.254.170.2"
"""What AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is relative to, in every SDK."""
WEB_IDENTITY = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


def plain_role(values: Values, environ: Mapping[str, str], complaints: list[BadSetting]) -> RoleSettings | None:
    """None with a complaint, of this or about a value that is missing in `values` for it."""
    complaints += _missing(values)
    complaints += (*rules.foreign_role(values), *rules.unencrypted(values))
    source = None
    with gathered(complaints):
        source = _source(values, environ)
    if source is None:
        return None
    return RoleSettings(name=DEFAULT_ROLE, source=source, credentials_file=credentials_file(values))


def credentials_file(values: Values) -> CredentialsFileSettings | None:
    """Where the default role is written, whichever it is."""
    file = values.get("SIDECAR_CREDENTIALS_FILE")
    section = values.get("SIDECAR_CREDENTIALS_FILE_PROFILE", DEFAULT_ROLE)
    return CredentialsFileSettings(path=file, profile=section) if file else None


def describes_a_role(values: Values) -> bool:
    """Whether the variables name a role to assume or an endpoint to ask, be it with mistakes."""
    return values.get("AWS_ROLE_ARN", "") is not None or container_endpoint(values) is not None


def asks_sts(values: Values) -> bool:
    """Whether the plain role is assumed with the token; else its credentials come from a container endpoint."""
    return values.get("AWS_ROLE_ARN", "") is not None or container_endpoint(values) is None


def container_endpoint(values: Values) -> ContainerSettings | None:
    """The endpoint that the variables name, if any; the relative one wins, as in SDKs."""
    path, file = values.get(RELATIVE_URI), values.get(AUTHORIZATION_FILE)
    url = f"{ECS_ENDPOINT}{path}" if path else values.get(FULL_URI)
    if not url:
        return None
    token, bundle = values.get(AUTHORIZATION), values.get("AWS_CA_BUNDLE")
    return ContainerSettings(url=url, token=token, token_file=file, ca_bundle=bundle)


def _missing(values: Values) -> Iterator[BadSetting]:
    """Complaints where neither a role to assume nor an endpoint to ask is named."""
    if not asks_sts(values):
        return
    for setting in SETTINGS:
        if setting.variable in WEB_IDENTITY and values.get(setting.variable, "") is None:
            yield BadSetting(setting.variable, f"required. {setting.meaning}")


def _source(values: Values, environ: Mapping[str, str]) -> SourceSettings | None:
    """None where a value is missing. Raises `BadSetting`."""
    if not asks_sts(values):
        return container_endpoint(values)
    sts = sts_connection(values, environ)
    check_fallbacks(values)
    role_arn, token_file = map(values.get, WEB_IDENTITY)
    if role_arn is None or token_file is None or "SIDECAR_DURATION" not in values:
        return None
    session = SessionRequest(name=values.get("AWS_ROLE_SESSION_NAME"), duration=values["SIDECAR_DURATION"])
    return WebIdentitySettings(role_arn=role_arn, token_file=token_file, session=session, sts=sts)
