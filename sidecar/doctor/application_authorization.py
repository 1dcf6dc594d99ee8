"""The token that an application must present: does it have one, in both places, without a newline?"""

from collections.abc import Mapping
from pathlib import Path

from sidecar.core.authorization_token import MAXIMUM_TOKEN_LENGTH
from sidecar.core.findings import Finding
from sidecar.core.regular_file import read_regular
from sidecar.core.variables import (
    AUTHORIZATION,
    AUTHORIZATION_FILE,
    FULL_URI,
    SIDECAR_AUTHORIZATION,
    SIDECAR_AUTHORIZATION_FILE,
)
from sidecar.doctor.application_way import Way, parsed, role_asked_for, ways
from sidecar.doctor.findings import failed, missing, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER, ECS
from sidecar.settings.roles import RoleSettings


def authorization(pod: Pod) -> Finding | None:
    """Which SDK reads the variable and which the file differs, so both must be there and agree, but where the sidecar
    makes the token of a role: no variable can hold that.
    """
    if pod.app is None or Way.FULL_URI not in ways(pod):
        return None
    variable, file = pod.has(AUTHORIZATION), pod.app.get(AUTHORIZATION_FILE, "")
    saw = f"{AUTHORIZATION} {'set' if variable else 'unset'}, {AUTHORIZATION_FILE} {file or 'unset'}"
    if not variable and not file:
        return _no_token(pod, saw)
    if file and (finding := _file(pod.app, Path(file), saw)):
        return finding
    if not variable and (own := [role.name for role in _asked_for(pod) if role.auth_token_file]):
        return passed("app-authorization", saw, f"Only the file has the token of the role {' or '.join(own)}.")
    if not variable or not file:
        return missing(
            pod,
            "app-authorization",
            saw,
            "Older SDKs read only the variable, others only the file.",
            f"Set {AUTHORIZATION} and {AUTHORIZATION_FILE} to the same value.",
            otherwise=warned,
        )
    return passed("app-authorization", saw, "Every SDK can read the authorization token.")


def _asked_for(pod: Pod) -> tuple[RoleSettings, ...]:
    """The role that the application asks for; all that it could, where its URI does not tell."""
    if pod.config is None:
        return ()
    url = parsed((pod.app or {}).get(FULL_URI, ""))
    if url is None:
        return pod.config.roles.served
    asked = role_asked_for(pod, url, CONTAINER, ECS)
    return () if asked is None else (asked,)


def _no_token(pod: Pod, saw: str) -> Finding | None:
    asked = _asked_for(pod)
    if asked and all(role.auth_token_file for role in asked):
        return _no_token_of_its_own(pod, saw, " or ".join(role.name for role in asked))
    if not pod.environ.get(SIDECAR_AUTHORIZATION) and not pod.environ.get(SIDECAR_AUTHORIZATION_FILE):
        return None
    return missing(
        pod,
        "app-authorization",
        saw,
        "The sidecar requires an authorization token, and the application has none, so it gets 401.",
        f"Set {AUTHORIZATION} (and {AUTHORIZATION_FILE}) to the value of the sidecar's {SIDECAR_AUTHORIZATION}.",
    )


def _no_token_of_its_own(pod: Pod, saw: str, role: str) -> Finding:
    return missing(
        pod,
        "app-authorization",
        saw,
        f"The role {role} requires an authorization token of its own, and the application has none, so it gets 401.",
        f"Mount the directory of the profile's sidecar_authorization_token_file, and set {AUTHORIZATION_FILE} to the "
        "file there.",
    )


def _file(app: Mapping[str, str], path: Path, saw: str) -> Finding | None:
    """What is wrong with the token's file, as far as we see the application's files."""
    try:
        content = read_regular(path, MAXIMUM_TOKEN_LENGTH + 1)
    except OSError as error:
        return skipped(
            "app-authorization",
            f"{saw}; not readable here ({error.strerror})",
            "Not checked: whether the application's file ends in a newline, and whether it equals the variable.",
            f"kubectl exec POD -c APP -- od -c {path}",
        )
    if content != content.strip():
        return failed(
            "app-authorization",
            f"{saw}; the file has white space around the token",
            "Most SDKs refuse to send a token with a newline (14 of 18 tried).",
            f'printf %s "$TOKEN" > {path}   # not echo',
        )
    if app.get(AUTHORIZATION) and app[AUTHORIZATION].encode() != content:
        return failed(
            "app-authorization",
            f"{saw}; the values differ",
            "SDKs differ in which of the two they read, so some of them get 401.",
            "Write the same value to both.",
        )
    return None
