"""Asks a real SDK's credential chain whether it would choose the sidecar in the application's container."""

from pathlib import Path

from sidecar.core.findings import Finding
from sidecar.doctor.application_uri import set_full_uri
from sidecar.doctor.application_way import Way, file_read, ways
from sidecar.doctor.findings import failed, missing, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.doctor.sdk_choice import SdkFailed, SdkUnavailable, choice_in

OURS = {
    Way.FULL_URI: "container-role",
    Way.RELATIVE_URI: "container-role",
    Way.METADATA: "iam-role",
    Way.FILE: "shared-credentials-file",
}
_INSTEAD = {
    "env": "keys in the environment",
    "assume-role-with-web-identity": "the token itself, by AWS_WEB_IDENTITY_TOKEN_FILE",
    "container-role": "the endpoint that a variable names",
    "iam-role": "the node's role",
    "": "no credentials",
}
_FAILURES = {
    "ProfileNotFound": "a profile that does not exist here",
    "PartialCredentialsError": "half a pair of keys",
    "InvalidConfigError": "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN",
}
"""botocore's errors, by what they come from."""


def sdk(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    if Way.FILE in ways(pod) and not Path(file_read(pod)).exists():
        return skipped("app-sdk", f"{file_read(pod)} is not visible here", "Not checked: which source a real SDK uses.")
    try:
        choice = choice_in({**pod.app, **dict.fromkeys(pod.hidden, "hidden")})
    except SdkUnavailable as problem:
        return skipped("app-sdk", str(problem), "Not checked: whether a real SDK would use the sidecar.")
    except SdkFailed as problem:
        return failed(
            "app-sdk",
            f"botocore's chain ends in {_FAILURES.get(str(problem), 'an error')}",
            "A real SDK would fail before it reaches the sidecar.",
            pod.without("AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        )
    return _judged(pod, choice)


def _judged(pod: Pod, choice: str) -> Finding:
    if choice in {OURS[way] for way in ways(pod)}:
        return passed("app-sdk", f"botocore's chain ends at {choice}", "A real SDK would use the sidecar.")
    what = _INSTEAD.get(choice, "another source")
    saw, message = f"botocore's chain ends at {choice or 'no provider'}", f"A real SDK would use {what}."
    if choice in {"", "iam-role"}:
        return missing(pod, "app-sdk", saw, message, set_full_uri(pod))
    return failed("app-sdk", saw, message, pod.without(*_named_by(choice)))


def _named_by(choice: str) -> tuple[str, ...]:
    """The variables that lead an SDK there."""
    if choice == "env":
        return ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if choice == "assume-role-with-web-identity":
        return ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
    return ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
