"""The lab's output: a greeting with lines to paste, a line for each event, and the status."""

from collections.abc import Mapping
from typing import Any

from sidecar.lab.app import Lab
from sidecar.lab.aws.answers import printable, timestamp
from sidecar.lab.events import Answered, Changed, LabEvent, TokenProjected
from sidecar.lab.faults import FAULTS


def welcome(lab: Lab) -> str:
    """The addresses and files of a lab, and what to type into another terminal."""
    roles = lab.role_arns
    return f"""\
The lab is running. Stop it with Ctrl-C. Its state is in {lab.state.root}.

  issuer    {lab.issuer_url}/.well-known/openid-configuration
  STS       {lab.sts_url or "not here: start `irsa-sidecar lab sts`"}
  control   {lab.control_url}/status
  IAM       {lab.state.iam} (edit it; it is read again when it changes)
  token     {lab.token_file}

Only this lab accepts an issuer without TLS; AWS requires https://.
For `irsa-sidecar serve`, or for any SDK's own web identity provider, in another terminal:

  export AWS_ROLE_ARN={roles[0] if roles else "<a role of iam.yaml>"}
  export AWS_WEB_IDENTITY_TOKEN_FILE={lab.token_file}
  export AWS_ENDPOINT_URL_STS={lab.sts_url or "<the URL of lab sts>"}
  export AWS_REGION={lab.region} AWS_DEFAULT_REGION={lab.region}

{_of_the_agent(lab)}To rehearse an outage: `irsa-sidecar lab fault` lists the faults.
"""


def _of_the_agent(lab: Lab) -> str:
    """What makes a sidecar ask the EKS Pod Identity agent, as EKS sets it; "" where there is none."""
    if not lab.agent_url:
        return ""
    return f"""\
For `irsa-sidecar serve` with EKS Pod Identity as its source, in place of those:

  export AWS_CONTAINER_CREDENTIALS_FULL_URI={lab.agent_url}
  export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={lab.state.volume("default", "old-app") / "token"}

"""


def line(event: LabEvent, now: float) -> str:
    """One line for an event, with the time of day (UTC)."""
    return f"{timestamp(now)[11:19]} {printable(_sentence(event))}"


def _sentence(event: LabEvent) -> str:
    if isinstance(event, TokenProjected):
        until = timestamp(event.expires_at)[11:19]
        again = (
            "not replaced again"
            if event.refresh_at == float("inf")
            else f"next at {timestamp(event.refresh_at)[11:19]}"
        )
        return (
            f"token     {event.namespace}/{event.service_account} signed by {event.kid[:8]}, valid to {until}, {again}"
        )
    if isinstance(event, Changed):
        return f"lab       {event.what}"
    return _answer_line(event)


def _answer_line(event: Answered) -> str:
    if event.code:
        why = f"  ({event.why})" if event.why else ""
        return f"STS       {event.action} {event.status} {event.code}: {event.message}{why}"
    if not event.access_key_id:
        return f"STS       {event.action} {event.status}"
    until = timestamp(event.expires_at)[11:19]
    return f"STS       {event.action} 200 {event.session_arn} {event.access_key_id} until {until}"


def faults_as_text(active: Mapping[str, str], *, everything: bool) -> str:
    """The active faults; with `everything`, also all that can be started."""
    lines = [f"active    {name}" + (f" = {value}" if value else "") for name, value in active.items()] or [
        "no fault is active"
    ]
    if everything:
        lines += ["", "faults:"] + [
            f"  {fault.name:<20} {fault.what}" + (f" [{fault.default}]" if fault.default else "")
            for fault in FAULTS.values()
        ]
    return "\n".join(lines)


def as_text(status: Mapping[str, Any]) -> str:
    """`lab status` for a person."""
    running = status["running"]
    lines = [f"state     {status['state']}"]
    lines += [f"{name:<9} {value}" for name, value in (running or {"running": "no"}).items() if value]
    for key in status["keys"]:
        marks = [mark for mark, holds in (("published", key["published"]), ("signs", key["signs"])) if holds]
        until = f", until {key['retireAt']}" if key["retireAt"] else ""
        lines.append(f"key       {key['kid']} ({', '.join(marks) or 'neither published nor signing'}{until})")
    lines += [f"provider  {arn}" for arn in status["providers"]]
    lines += [f"role      {arn}" for arn in status["roles"]]
    lines += [f"lint      {remark}" for remark in status["remarks"]]
    lines += [
        f"fault     {fault['name']} {fault['value']}: {fault['what']}; undo: {fault['undo']}"
        for fault in status["faults"]
    ]
    return "\n".join(lines)
