"""Logs the main settings at the start, and warns of those that work but should be changed."""

import logging
import resource
from urllib.parse import urlsplit

from sidecar import __version__
from sidecar.http.addresses import is_loopback
from sidecar.observe.cpu_limit import cpu_limit
from sidecar.settings.config import SHORT_DURATION, Config
from sidecar.settings.roles import ChainSettings, ContainerSettings, RoleSet, RoleSettings, WebIdentitySettings

LITTLE_CPU = 0.1
"""CPUs. Starting takes half a second of one."""
FEW_OPEN_FILES = 256
"""Below, few clients can be connected at a time."""

logger = logging.getLogger("sidecar")


def announce(config: Config) -> None:
    """These are the settings to start with."""
    logger.info(
        "starting", extra={"version": __version__, "duration": config.duration} | _whence(config.roles.default_role)
    )
    if config.duration < SHORT_DURATION:
        logger.warning(
            "short sessions",
            extra={"fix": f"set SIDECAR_DURATION to {SHORT_DURATION} or more; else some SDKs fetch them on every call"},
        )
    _announce_limits()
    announce_warnings(config.roles)
    role = config.roles.default_role.role_arn
    if role is not None and not role.is_in_aws_form:
        logger.warning(
            "role ARN not in AWS's form",
            extra={
                "role_arn": str(role),
                "fix": "none, if AWS_ENDPOINT_URL_STS is another STS server than AWS's; else "
                "copy the ARN that `aws iam get-role` prints",
            },
        )
    url = urlsplit(config.sts_endpoint)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        logger.warning(
            "unencrypted STS endpoint",
            extra={"sts": config.sts_endpoint, "fix": "use an https endpoint; http is for a lab only"},
        )


def announce_warnings(roles: RoleSet) -> None:
    """What the config file says and what takes effect are not the same."""
    for warning in roles.warnings:
        logger.warning("setting limited", extra={"reason": warning, "fix": "write the value that takes effect"})


def _whence(role: RoleSettings) -> dict[str, str]:
    """Where the credentials come from."""
    match role.source:
        case WebIdentitySettings(role_arn=arn, token_file=file, sts=sts):
            return {"role_arn": str(arn), "token_file": str(file), "sts": sts.endpoint}
        case ChainSettings(role_arn=arn, base=base, sts=sts):
            return {"role_arn": str(arn), "base": base, "sts": sts.endpoint}
        case ContainerSettings() as source:
            return {"endpoint": source.origin}


def _announce_limits() -> None:
    cpus = cpu_limit()
    if cpus is not None and cpus < LITTLE_CPU:
        fix = "remove the CPU limit, or set it to 100m or more: starting takes half a second of a whole CPU"
        logger.warning("little CPU", extra={"limit": f"{cpus * 1000:.0f}m", "fix": fix})
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != open_files < FEW_OPEN_FILES:
        fix = "raise the limit to 1024 or more (ulimit -n, the container runtime's LimitNOFILE): each client takes one"
        logger.warning("few open files", extra={"limit": open_files, "fix": fix})
