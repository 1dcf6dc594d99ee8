"""What a container-credentials endpoint answered, read without trusting it: bytes in, credentials or a refusal out.

Fields: AWS SDKs and Tools Reference Guide, "Container credential provider". The EKS Pod Identity agent leaves `RoleArn`
out and tells the account; Amazon ECS tells the role.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sidecar.core.arns import RoleArn
from sidecar.core.credential_grammar import fault_in, is_time
from sidecar.core.model import Credentials, Instant, Seconds, UnixTime
from sidecar.sts.answer import MAXIMUM_ANSWER, MAXIMUM_NAME, MINIMUM_LIFE, Answer
from sidecar.sts.plausibility import Answerer, Clocks

LONGEST_LIFE: Seconds = 129_600
"""AWS issues no temporary credentials for longer: 36 hours, to an IAM user (STS API reference, GetSessionToken)."""
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_OF_THE_AGENT = re.compile(r"(?:\[(?P<id>[\w-]*)\]: )?\((?P<code>\w+)\): (?P<message>.*)", re.DOTALL | re.ASCII)
"""How the EKS Pod Identity agent passes on what EKS said."""
_FOREIGN = re.compile(r"[^\w.:/+=-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class EndpointRefusal:
    """What the endpoint said. `message`: its own text, for recognising the case, never for showing."""

    code: str
    message: str = field(repr=False)
    request_id: str = ""


def credentials_in(answer: Answer, of: Answerer, *, asked_at: Instant, asked_at_wall: UnixTime) -> Credentials:
    """The credentials in a 200. Raises the error of `of` for anything but a whole, plausible answer.

    Their life is measured on the endpoint's clock (`Expiration` minus `Date`), and laid on ours from the moment we
    asked. The endpoint may give the same session again and again, each time with less of its life left.
    """
    fields = _fields(answer)
    key_id, secret, token = (fields.get(name) for name in ("AccessKeyId", "SecretAccessKey", "Token"))
    if not isinstance(key_id, str) or fields.get("Code", "Success") != "Success":
        raise of.sent("an answer that is not credentials")
    if fault := fault_in(key_id, secret, token):
        raise of.sent(f"credentials without a valid {'Token' if fault == 'SessionToken' else fault}")
    expiration = _expiration(fields.get("Expiration"), of)
    role_arn = _role_arn(fields.get("RoleArn"))
    return Credentials(
        access_key_id=key_id,
        secret_access_key=str(secret),
        session_token=str(token),
        role_arn=str(role_arn or ""),
        assumed_role_arn="",
        expiration=expiration,
        issued_at=asked_at,
        expires_at=asked_at + _life(answer, expiration, asked_at_wall, of),
        request_id=answer.request_id,
        sts_time=answer.date,
        told_account_id=_account(fields.get("AccountId"), role_arn),
    )


def refusal_in(answer: Answer) -> EndpointRefusal:
    """What a body says that is not a 200's: in the agent's form, in Amazon ECS's, or in nobody's."""
    fields = _fields(answer)
    code, message = (_first_text(fields, names) for names in (("code", "Code"), ("message", "Message")))
    if code or message:
        return EndpointRefusal(_name_in(code), message, answer.request_id)
    text = answer.body[:MAXIMUM_ANSWER].decode("utf-8", "replace")
    if (found := _OF_THE_AGENT.match(text)) is not None:
        return EndpointRefusal(_name_in(found["code"]), found["message"], _name_in(found["id"] or ""))
    return EndpointRefusal("", text, answer.request_id)


def _fields(answer: Answer) -> Mapping[str, Any]:
    """The members of a small JSON object; none of anything else. Of a name that is there twice nobody can tell which
    is meant: such a document is none.
    """
    try:
        read = json.loads(answer.body.decode(), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return {}
    return read if isinstance(read, dict) else {}


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is there twice")
    return members


def _expiration(text: object, of: Answerer) -> UnixTime:
    try:
        if not (isinstance(text, str) and is_time(text)):
            raise of.sent("credentials without a readable Expiration")
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise of.sent("credentials without a readable Expiration") from None


def _life(answer: Answer, expiration: UnixTime, asked_at_wall: UnixTime, of: Answerer) -> Seconds:
    clocks = Clocks(asked_at_wall, answer.date, of=of)
    life = expiration - (asked_at_wall if answer.date is None else answer.date)
    if life < MINIMUM_LIFE:
        whose = "the node's" if answer.date is None else "its own"
        raise of.sent(f"credentials that are valid for only {life:.0f} s by {whose} clock")
    if clocks.outlives(expiration, LONGEST_LIFE):
        raise of.sent("credentials that are valid for longer than AWS issues any")
    return min(LONGEST_LIFE, life)


def _role_arn(text: object) -> RoleArn | None:
    """None where it is not told, or in no form that may be shown."""
    try:
        return RoleArn.parse_any(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _account(text: object, role_arn: RoleArn | None) -> str:
    if isinstance(text, str) and _ACCOUNT.fullmatch(text):
        return text
    return role_arn.account if role_arn is not None else ""


def _first_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if isinstance(text := fields.get(name), str)), "")


def _name_in(text: str) -> str:
    """A code or an id, as it may be repeated: logs, pages and terminals show it."""
    return _FOREIGN.sub("?", text[:MAXIMUM_NAME])
