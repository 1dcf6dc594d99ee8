"""What came back from STS, read without trusting it: bytes in, credentials or a refusal's code and message out.

Shapes and fields: AWS STS API reference, AssumeRoleWithWebIdentity, and the service model of version 2011-06-15.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

from sidecar.core.credential_grammar import fault_in
from sidecar.core.errors import StsUnavailable
from sidecar.core.model import Credentials, Instant, Seconds, UnixTime
from sidecar.sts.plausibility import Clocks, check_assumed_role
from sidecar.sts.wording import FIX_NOT_STS

MAXIMUM_ANSWER = 64 * 1024
"""Bytes. A real answer has two to four thousand."""
MAXIMUM_NAME = 64
"""Characters of a code or request id that we repeat in logs and pages: whoever answers may not be STS."""
MINIMUM_LIFE: Seconds = 10
"""AWS issues nothing under 900 s. Credentials that are as good as dead must not replace some that live."""


_DECLARATION = "<!"
_OTHER_ENCODING = re.compile(r"""<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_FOREIGN = re.compile(r"[^\w.:/+=-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `date` is STS's clock; None when the header is missing or unreadable."""

    status: int
    body: bytes = field(repr=False)
    date: UnixTime | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The error that STS named. `message` is STS's text: for recognising the case, never for showing."""

    code: str
    message: str = field(repr=False)
    request_id: str = ""


def http_date(value: str | None) -> UnixTime | None:
    """The instant in a `Date` header, None if there is none to be read."""
    if not value:
        return None
    try:
        return _unix_time(parsedate_to_datetime(value))
    except (ValueError, OverflowError):
        return None


def credentials_in(
    answer: Answer,
    *,
    action: str = "AssumeRoleWithWebIdentity",
    role_arn: str,
    duration: Seconds,
    asked_at: Instant,
    asked_at_wall: UnixTime,
    from_aws: bool = False,
) -> Credentials:
    """The credentials in a 200. Raises `StsUnavailable` for anything but a whole, plausible answer.

    Their life is measured on STS's clock (`Expiration` minus `Date`) and laid on ours from the moment we asked: a node
    whose clock is wrong neither serves expired credentials nor drops live ones. Without a `Date` the node's clock
    has to do. Either may be wrong; but STS issues nothing that lives longer than the `duration` it was asked for.
    `from_aws`: AWS always names the role that was assumed, other servers leave it out.
    """
    root = _parsed(answer)
    if root is None or _name(root) != f"{action}Response":
        raise _not_an_answer(answer, f"that is not an {action} response")
    texts = _texts(root)
    expiration = _expiration(texts.get("Expiration", ""), answer)
    life = _life(answer, expiration, duration, asked_at_wall)
    assumed_role_arn = texts.get("Arn", "")
    check_assumed_role(assumed_role_arn, role_arn, may_be_absent=not from_aws)
    key_id, secret, token = (texts.get(name, "") for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    if fault := fault_in(key_id, secret, token):
        raise _not_an_answer(answer, f"without a valid {fault}")
    return Credentials(
        access_key_id=key_id,
        secret_access_key=secret,
        session_token=token,
        role_arn=role_arn,
        assumed_role_arn=assumed_role_arn,
        expiration=expiration,
        issued_at=asked_at,
        expires_at=asked_at + life,
        request_id=_name_in(texts.get("RequestId", "") or answer.request_id),
        sts_time=answer.date,
    )


def _life(answer: Answer, expiration: UnixTime, duration: Seconds, asked_at_wall: UnixTime) -> Seconds:
    """How long the credentials are valid. Raises `StsUnavailable` where that is too short, or more than was asked."""
    life = min(duration, expiration - (asked_at_wall if answer.date is None else answer.date))
    if life < MINIMUM_LIFE:
        raise _too_short(life, answer)
    Clocks(asked_at_wall, answer.date).check_expiration(expiration, duration)
    return life


def _too_short(life: Seconds, answer: Answer) -> StsUnavailable:
    whose, fix = "its own", ""
    if answer.date is None:
        whose, fix = "the node's", "The answer has no Date header: set the node's clock right. "
    return StsUnavailable(
        f"STS issued credentials that are valid for only {life:.0f} s by {whose} clock.",
        fix=f"{fix}Check what answers at the STS endpoint: AWS issues 900 s or more.",
        status=answer.status,
        request_id=answer.request_id,
    )


def refusal_in(answer: Answer) -> ErrorAnswer | None:
    """The error in a refusal's body; None when the body is not STS's, as from a proxy or a load balancer."""
    root = _parsed(answer)
    if root is None:
        return None
    texts = _texts(root)
    if not texts.get("Code"):
        return None
    request_id = texts.get("RequestId", "") or answer.request_id
    return ErrorAnswer(_name_in(texts["Code"]), texts.get("Message", ""), _name_in(request_id))


def _parsed(answer: Answer) -> ET.Element | None:
    """The root of a small XML document in UTF-8 that declares nothing: without a declaration nothing can unfold."""
    if len(answer.body) > MAXIMUM_ANSWER:
        return None
    try:
        text = answer.body.decode("utf-8-sig")  # in another encoding a declaration would not be seen
        if _DECLARATION in text or _OTHER_ENCODING.match(text):
            return None
        return ET.fromstring(text)  # noqa: S314 (capped, nothing declared; see above)
    except (ET.ParseError, ValueError, LookupError):
        return None


def _texts(root: ET.Element) -> dict[str, str]:
    """Leaf texts by local name. No name that we read occurs twice in either of STS's documents: if one does, nobody
    can tell which is meant, and it counts as missing.
    """
    texts: dict[str, str] = {}
    for element in root.iter():
        if len(element) == 0:
            name = _name(element)
            texts[name] = "" if name in texts else (element.text or "").strip()
    return texts


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _name_in(text: str) -> str:
    """A code or an id, as it may be repeated: logs, pages and terminals show it."""
    return _FOREIGN.sub("?", text[:MAXIMUM_NAME])


def _expiration(text: str, answer: Answer) -> UnixTime:
    try:
        return _unix_time(datetime.fromisoformat(text))
    except ValueError:
        raise _not_an_answer(answer, "without a readable Expiration") from None


def _unix_time(moment: datetime) -> UnixTime:
    """A time without a zone is UTC's: read as local time, it would be wrong by the node's zone."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _not_an_answer(answer: Answer, lack: str) -> StsUnavailable:
    return StsUnavailable(
        f"The STS endpoint sent a {answer.status} answer {lack}.",
        fix=FIX_NOT_STS,
        status=answer.status,
        request_id=answer.request_id,
    )
