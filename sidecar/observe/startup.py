"""Logs the main settings at the start, and warns of those that work but should be changed."""

import logging
from urllib.parse import urlsplit

from sidecar import __version__
from sidecar.http.addresses import is_loopback
from sidecar.settings.config import SHORT_DURATION, Config

logger = logging.getLogger("sidecar")


def announce(config: Config) -> None:
    """These are the settings to start with."""
    settings = {"version": __version__, "role_arn": str(config.role_arn), "token_file": str(config.token_file)}
    logger.info("starting", extra=settings | {"sts": config.sts_endpoint, "duration": config.duration})
    if config.duration < SHORT_DURATION:
        logger.warning(
            "short sessions",
            extra={"fix": f"set SIDECAR_DURATION to {SHORT_DURATION} or more; else some SDKs fetch them on every call"},
        )
    if not config.role_arn.is_in_aws_form:
        logger.warning(
            "role ARN not in AWS's form",
            extra={
                "role_arn": str(config.role_arn),
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
