"""Asks a real SDK's credential chain whether it would choose the sidecar in the application's container."""

from sidecar.core.findings import Finding
from sidecar.doctor.application_uri import SET_FULL_URI
from sidecar.doctor.findings import failed, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.doctor.sdk_choice import SdkFailed, SdkUnavailable, choice_in

OURS = "container-role"
_INSTEAD = {
    "env": ("keys in the environment", "Remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the container's env."),
    "assume-role-with-web-identity": (
        "the token itself, by AWS_WEB_IDENTITY_TOKEN_FILE",
        "Keep the EKS webhook away from this container (eks.amazonaws.com/skip-containers), or drop the annotation.",
    ),
    "iam-role": ("the node's role", SET_FULL_URI),
    "": ("no credentials", SET_FULL_URI),
}


def sdk(pod: Pod) -> Finding | None:
    if pod.app is None:
        return None
    try:
        choice = choice_in(pod.app)
    except SdkUnavailable as problem:
        return skipped("app-sdk", str(problem), "Not checked: whether a real SDK would use the sidecar.")
    except SdkFailed as problem:
        return failed(
            "app-sdk",
            f"botocore's chain ends in {problem}",
            "A real SDK would fail before it reaches the sidecar.",
            "Remove the cause: AWS_PROFILE, or AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN.",
        )
    if choice == OURS:
        return passed("app-sdk", "botocore's chain ends at container-role", "A real SDK would use the sidecar.")
    what, fix = _INSTEAD.get(choice, ("another source", "Remove the variables or files that name it."))
    return failed(
        "app-sdk", f"botocore's chain ends at {choice or 'no provider'}", f"A real SDK would use {what}.", fix
    )
