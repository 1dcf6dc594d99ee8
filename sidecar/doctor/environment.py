"""Our own settings: can the sidecar run with them, and do they agree with each other?"""

from urllib.parse import urlsplit

from sidecar.core.findings import Finding
from sidecar.doctor.findings import failed, passed, warned
from sidecar.doctor.pod import Pod
from sidecar.http.addresses import is_loopback
from sidecar.settings.config import SHORT_DURATION
from sidecar.settings.roles import ChainSettings, ContainerSettings, RoleSettings, WebIdentitySettings
from sidecar.sts.endpoints import partition_of


def settings(pod: Pod) -> Finding:
    """Exactly what `serve` would say."""
    if pod.config is None:
        return failed(
            "settings",
            f"{len(pod.complaints)} complaint{'s' * (len(pod.complaints) != 1)}",
            "\n".join(pod.complaints),
            "Correct them in the container's env; `irsa-sidecar serve --help` lists all settings.",
        )
    return passed("settings", _shown(pod.config.roles.default_role), "The sidecar can run with these settings.")


def _shown(role: RoleSettings) -> str:
    """Where the default role's credentials come from."""
    match role.source:
        case WebIdentitySettings(role_arn=arn, token_file=file, sts=sts):
            return f"role {arn}, token {file}, STS {sts.endpoint}"
        case ChainSettings(role_arn=arn, base=base, sts=sts):
            return f"role {arn}, by the credentials of {base}, STS {sts.endpoint}"
        case ContainerSettings() as source:
            return f"credentials of {source.origin}"


def role(pod: Pod) -> Finding | None:
    """A role of another server than AWS's: as `serve` warns. One of AWS's needs no word."""
    arn = pod.config.roles.default_role.role_arn if pod.config else None
    if arn is None or arn.is_in_aws_form:
        return None
    return warned(
        "role-arn",
        str(arn),
        "This is not AWS's form of a role's ARN: right for another STS server, a mistake otherwise.",
        "None, if AWS_ENDPOINT_URL_STS is such a server; else copy the ARN that `aws iam get-role` prints.",
    )


def duration(pod: Pod) -> Finding | None:
    if pod.config is None or pod.config.roles.default_role.sts is None:
        return None
    seconds = pod.config.duration
    if seconds < SHORT_DURATION:
        return warned(
            "session-duration",
            f"SIDECAR_DURATION {seconds} s",
            "SDKs request credentials again on every call once less than 15 minutes are left.",
            f'- name: SIDECAR_DURATION\n  value: "{SHORT_DURATION}" # or more, up to the role\'s MaxSessionDuration',
        )
    return passed("session-duration", f"SIDECAR_DURATION {seconds} s", "Long enough for every SDK.")


def endpoint(pod: Pod) -> Finding | None:
    """Regional, encrypted, and in the role's partition."""
    role = pod.config.roles.default_role if pod.config else None
    if role is None or role.sts is None or role.role_arn is None:
        return None
    url = urlsplit(role.sts.endpoint)
    host, saw = url.hostname or "", role.sts.endpoint
    if host == "sts.amazonaws.com":
        return warned(
            "sts-setting",
            saw,
            "This is the global endpoint, which an STS VPC endpoint in a private subnet does not serve.",
            "Unset AWS_ENDPOINT_URL_STS and set AWS_REGION: the sidecar then calls that region's STS.",
        )
    if url.scheme == "http" and not is_loopback(host):
        return warned(
            "sts-setting", saw, "The token would be sent unencrypted.", "Use https:// for AWS_ENDPOINT_URL_STS."
        )
    partition = role.role_arn.partition
    expected = partition_of(role.sts.endpoint)
    if expected and partition != expected:
        return failed(
            "sts-setting",
            f"{saw}, role in partition {partition}",
            f"The endpoint serves partition {expected}, where the role does not exist.",
            f"Set AWS_REGION to a region of {partition}, or AWS_ROLE_ARN to a role in {expected}.",
        )
    return passed("sts-setting", saw, "A regional endpoint." if expected else "A custom endpoint.")
