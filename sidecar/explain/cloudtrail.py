"""CloudTrail's event of a call in the place of its token: it names issuer, audience, subject, role and the answer.

Members: AWS CloudTrail User Guide, "userIdentity element" (WebIdentityUser), and AWS STS API reference. What an event
leaves out stays unknown and is not guessed.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from sidecar.core.model import UnixTime
from sidecar.explain.question import Question

EVENT_NAME = "AssumeRoleWithWebIdentity"
_NO_PROVIDER = re.compile(r"provider found in your account for (\S+)")
_EXPIRED = re.compile(r"current date/time \d+ must be before the expiration date/time\s*(\d{1,12})")
_TOO_OLD = re.compile(r"Token too old: (\d{1,9})")
_MISSING = re.compile(r"Missing a required claim: (\w+)")
_OIDC = ":oidc-provider/"
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_USUAL_LIFE = 3600


class NotAnEvent(Exception):
    """The file holds no event of such a call."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """What an event tells of a call. `token` has its claims and no signature; `untold` names the claims it leaves out.

    `at` is in Unix seconds. `sts_message` is "" for a call that succeeded.
    """

    token: str = field(repr=False)
    untold: tuple[str, ...]
    at: UnixTime
    role_arn: str
    session_name: str
    sts_message: str
    request_keys: Mapping[str, str]


def recorded_call(content: str) -> RecordedCall:
    """The newest call in an event, a log file, or the output of `lookup-events`. Raises `NotAnEvent`."""
    try:
        events = sorted(_events(_json(content)), key=_time_of)
    except RecursionError:
        raise NotAnEvent("it is nested too deeply; no event is") from None
    if not events:
        raise NotAnEvent(f"no event of {EVENT_NAME} in it; `aws cloudtrail lookup-events` prints them")
    return _call(events[-1])


def of_event(asked: Question, call: RecordedCall) -> Question:
    """The question with what the event tells; a message of STS's that was given comes before the event's."""
    return replace(
        asked,
        token=call.token,
        untold=call.untold,
        now=call.at,
        session_name=call.session_name,
        sts_message=asked.sts_message or call.sts_message,
        request_keys=call.request_keys,
    )


def _json(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise NotAnEvent("it is not JSON") from None


def _events(found: Any) -> Iterator[dict[str, Any]]:
    """Wherever they are: `Records` of a log file, `Events` of a look-up, `detail` of EventBridge."""
    if isinstance(found, list):
        for item in found:
            yield from _events(item)
    if not isinstance(found, dict):
        return
    if found.get("eventName") == EVENT_NAME:
        yield found
    for name in ("Records", "Events", "events", "detail"):
        yield from _events(found.get(name))
    if isinstance(found.get("CloudTrailEvent"), str):
        yield from _events(_json(found["CloudTrailEvent"]))


def _call(event: dict[str, Any]) -> RecordedCall:
    message, at = _text(event, "errorMessage"), _time_of(event)
    claims = _claims(event) | _times(message, at)
    missing = _MISSING.search(message)
    untold = tuple(
        name for name in ("iss", "sub", "aud") if not claims.get(name) and not (missing and missing[1] == name)
    )
    if untold and not event.get("errorCode"):
        raise NotAnEvent(f"the event does not tell the token's {', '.join(untold)}")
    asked = _mapping(event, "requestParameters")
    return RecordedCall(
        token=_unsigned({name: value for name, value in claims.items() if value}),
        untold=untold,
        at=at,
        role_arn=_text(asked, "roleArn"),
        session_name=_text(asked, "roleSessionName"),
        sts_message=f"({event['errorCode']}) {message}" if event.get("errorCode") else "",
        request_keys=_request_keys(event),
    )


def _claims(event: dict[str, Any]) -> dict[str, Any]:
    identity, answer = _mapping(event, "userIdentity"), _mapping(event, "responseElements")
    provider = _text(identity, "identityProvider") or _text(answer, "provider")
    subject = _text(identity, "userName") or _text(answer, "subjectFromWebIdentityToken")
    audience = _text(answer, "audience") or _between(_text(identity, "principalId"), provider, subject)
    issuer = _NO_PROVIDER.search(_text(event, "errorMessage"))
    return {"iss": issuer[1] if issuer else _issuer(provider), "sub": subject, "aud": [audience] if audience else None}


def _between(principal: str, provider: str, subject: str) -> str:
    """The audience: `principalId` is provider, audience and subject with colons between."""
    if not principal.startswith(f"{provider}:") or not principal.endswith(f":{subject}"):
        return ""
    return principal.removeprefix(f"{provider}:").removesuffix(f":{subject}")


def _issuer(provider: str) -> str:
    name = provider.partition(_OIDC)[2] or provider
    return f"https://{name}" if "." in name and "://" not in name else name


def _times(message: str, at: UnixTime) -> dict[str, int]:
    if expired := _EXPIRED.search(message):
        return {"iat": int(expired[1]) - _USUAL_LIFE, "exp": int(expired[1])}
    if old := _TOO_OLD.search(message):
        return {"iat": int(at) - int(old[1]), "exp": int(at) + _USUAL_LIFE}
    return {"iat": int(at), "exp": int(at) + _USUAL_LIFE}


def _request_keys(event: dict[str, Any]) -> dict[str, str]:
    """Condition keys of the call; behind a VPC endpoint the address is another key's."""
    endpoint, address = _text(event, "vpcEndpointId"), _text(event, "sourceIPAddress")
    keys = {
        "aws:SourceVpce": endpoint,
        "aws:VpcSourceIp" if endpoint else "aws:SourceIp": address if _is_address(address) else "",
        "aws:UserAgent": _text(event, "userAgent"),
        "aws:RequestedRegion": _text(event, "awsRegion"),
    }
    return {key: value for key, value in keys.items() if value}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _time_of(event: dict[str, Any]) -> UnixTime:
    try:
        moment = datetime.fromisoformat(_text(event, "eventTime"))
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "RS256"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*encoded, "event"))


def _mapping(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) and value != _HIDDEN else ""
