"""The exchange as `serve` makes it, and the identity that AWS then reports."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from sidecar.core.arns import RoleArn
from sidecar.core.clock import SystemClock
from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.errors import ExchangeFailed
from sidecar.core.findings import Finding, Level
from sidecar.core.model import Credentials, Token
from sidecar.doctor.findings import failed, passed, skipped, warned
from sidecar.doctor.pod import Pod
from sidecar.doctor.timeouts import CALLER_IDENTITY_TIMEOUT
from sidecar.doctor.token_claims import of_explained
from sidecar.explain import Explanation, Question, explain
from sidecar.explain.jwt_parts import printable
from sidecar.settings.roles import StsConnection, WebIdentitySettings
from sidecar.sts.endpoints import signing_region
from sidecar.sts.exchange import StsCall, StsExchange

LONGEST_QUOTE = 300
"""Characters of STS's words that are shown."""
EXPLAINED = frozenset({"AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"})


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What came of it."""

    findings: tuple[Finding, ...]
    credentials: Credentials | None = None


async def exchange(pod: Pod, http: aiohttp.ClientSession) -> Exchanged:
    asked = pod.web_identity
    if asked is None and pod.config is not None and len(pod.config.roles) > 1:
        return Exchanged(())  # the default role is one of those that `role_checks` asks for
    if asked is None or pod.token is None:
        return Exchanged(
            (skipped("exchange", "no settings or no token", "Not checked: there are no valid settings, or no token."),)
        )
    call = StsCall(asked.sts.endpoint, str(asked.role_arn), asked.session.duration, asked.session.name, asked.sts.proxy)
    try:
        found = await StsExchange(http, call, SystemClock())(pod.token)
    except ExchangeFailed as refusal:
        return Exchanged((_refused(refusal, pod.token), *_explained(pod, asked, refusal)))
    saw = f"{found.assumed_role_arn or asked.role_arn}, {found.lifetime:.0f} s, request {found.request_id or 'no ID'}"
    return Exchanged((passed("exchange", saw, "STS issued credentials for this token."),), found)


def _refused(refusal: ExchangeFailed, token: Token) -> Finding:
    """What we make of it, beside STS's own words."""
    answer = " ".join(str(part) for part in (refusal.status, refusal.aws_code) if part) or refusal.code
    words = f", “{without(token, refusal.aws_message)}”" if refusal.aws_message else ""
    request = f", request {refusal.request_id}" if refusal.request_id else ""
    return failed("exchange", f"{answer}{words}{request}", refusal.cause, refusal.fix)


def without(token: Token | None, message: str) -> str:
    """STS's words, short, and without the token that some of them quote."""
    text, raw = message, token.raw if token else ""
    for part in (raw, *raw.split(".")):
        text = text.replace(part, "…") if part else text
    return printable(" ".join(text.split()))[:LONGEST_QUOTE]


def _explained(pod: Pod, asked: WebIdentitySettings, refusal: ExchangeFailed) -> list[Finding]:
    """What `explain` makes of it, where somebody gave the trust policy."""
    if refusal.aws_code not in EXPLAINED or pod.token is None:
        return []
    if pod.trust_policy is None:
        return [
            skipped(
                "explain",
                "no trust policy",
                "With the role's trust policy the doctor names the statement, the condition and the value.",
                f"aws iam get-role --role-name {asked.role_arn.name} > role.json; "
                "irsa-sidecar doctor --trust-policy role.json",
            )
        ]
    return _reasons(
        explain(
            Question(
                token=pod.token.raw,
                policy=pod.trust_policy.text,
                now=pod.now,
                role_arn=str(asked.role_arn),
                policy_of=pod.trust_policy.role_arn,
                sts_endpoint=asked.sts.endpoint,
                session_name=asked.session.name or "",
            )
        )
    )


def _reasons(told: Explanation) -> list[Finding]:
    """The causes; else what cannot be seen and may be one; else that there is nothing to see."""
    causes = [found for found in told.findings if found.level is Level.ERROR and told.aws_code]
    unseen = [found for found in told.findings if found.code == "condition-unseen"]
    return [of_explained("explain", found) for found in causes or unseen] or [
        warned(
            "explain",
            "token and trust policy match",
            "The cause cannot be seen here: IAM's provider, the keys, another policy, or a change not yet in effect.",
            "Compare the file with `aws iam get-role` now; look at the provider's ClientIDList; ask for RCPs and the "
            "policy of the STS VPC endpoint.",
        )
    ]


# --- who are we? -----------------------------------------------------------------------------------------------


async def identity(pod: Pod, credentials: Credentials | None) -> Finding | None:
    """GetCallerIdentity, signed and read by a real SDK."""
    role = pod.config.roles.default_role if pod.config else None
    if role is None or role.sts is None or role.role_arn is None or credentials is None:
        return None
    if not role.role_arn.is_in_aws_form:
        return skipped("caller-identity", "another STS server's role", "Such a server may not know GetCallerIdentity.")
    try:
        region = signing_region(role.sts.endpoint, role.sts.region)
        arn = await in_daemon_thread(_caller, role.sts, credentials, region)
    except ImportError:
        return skipped("caller-identity", "botocore is not installed", "Not checked: the caller's identity.")
    except Exception as error:  # noqa: BLE001 (botocore raises what it likes)
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        return failed(
            "caller-identity",
            f"{type(error).__name__} {code}".strip(),
            "STS issued credentials, but a real SDK could not use them.",
            "Try again: new credentials take seconds to work everywhere. Then check clock, endpoint and AWS_REGION.",
        )
    return _same_role(arn, role.role_arn)


def _caller(sts: StsConnection, credentials: Credentials, region: str) -> str:
    import botocore.session  # noqa: PLC0415 (17 MiB that nothing else of the doctor needs)
    from botocore.config import Config as SdkConfig  # noqa: PLC0415

    settings = SdkConfig(
        connect_timeout=CALLER_IDENTITY_TIMEOUT,
        read_timeout=CALLER_IDENTITY_TIMEOUT,
        retries={"total_max_attempts": 2},
        proxies={"http": sts.proxy, "https": sts.proxy} if sts.proxy else {},
    )
    client: Any = botocore.session.Session().create_client(
        "sts",
        region_name=region,
        endpoint_url=sts.endpoint,
        verify=str(sts.ca_bundle) if sts.ca_bundle else None,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=settings,
    )
    try:
        return str(client.get_caller_identity()["Arn"])
    finally:
        client.close()


def _same_role(arn: str, role: RoleArn) -> Finding:
    if role.has_session(arn):
        return passed("caller-identity", arn, "GetCallerIdentity returned the expected role.")
    return failed(
        "caller-identity",
        f"{arn}, expected {role}",
        "GetCallerIdentity returned a different role.",
        "Check AWS_ROLE_ARN and what answers at the STS endpoint.",
    )
