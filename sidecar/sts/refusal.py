"""What a refusal means: STS's answer in, one of our errors out, with its retry class, cause and fix.

STS's own text is read to recognise the case, and kept for the doctor alone. A text that we do not know falls into a
class that keeps trying.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from sidecar.core.claims import Claims
from sidecar.core.errors import ExchangeFailed, StsThrottled, StsUnavailable
from sidecar.core.model import UnixTime
from sidecar.sts.answer import Answer, ErrorAnswer, refusal_in
from sidecar.sts.aws_wordings import THROTTLED, UNAVAILABLE
from sidecar.sts.chain_wordings import CHAINED, UNKNOWN_CHAINED
from sidecar.sts.other_wordings import UNKNOWN_WORDS
from sidecar.sts.refused_chain import RefusedChain
from sidecar.sts.wording import FIX_NOT_STS, RefusedCall, RefusedRequest, Wording
from sidecar.sts.wordings import WORDINGS, wording_of

_THROTTLING = re.compile("throttl|toomanyrequests|limitexceeded|throughputexceeded|slowdown", re.IGNORECASE)
_TEMPORARY = re.compile(
    "internal|unavailable|time-?out|timedout|servererror|serverbusy|tryagain|inprogress|notcomplete", re.IGNORECASE
)
"""Pieces of the codes that SDKs try again for."""
_QUOTED = re.compile(r"(\bvalue ').*(' at ')", re.IGNORECASE | re.DOTALL)
"""A parameter of ours in a refusal: the token is one."""


def failure_of(answer: Answer, *, claims: Claims, role_arn: str, now: UnixTime) -> ExchangeFailed:
    """Name what a non-200 answer means. `now` is STS's clock where it is known, for judging the token's `exp`."""
    return _named(answer, RefusedCall(claims, role_arn), Table(WORDINGS, UNKNOWN_WORDS), now)


def chain_failure_of(answer: Answer, call: RefusedChain, now: UnixTime) -> ExchangeFailed:
    """The same for AssumeRole."""
    return _named(answer, call, Table(CHAINED, UNKNOWN_CHAINED), now)


@dataclass(frozen=True, slots=True)
class Table:
    """The wordings of one call, and the one for a code that none of them knows."""

    rows: Sequence[Wording]
    unknown: Wording


def _named(answer: Answer, call: RefusedRequest, table: Table, now: UnixTime) -> ExchangeFailed:
    refusal = refusal_in(answer)
    if refusal is None:
        return _not_from_sts(answer)
    wording = wording_of(refusal.code, refusal.message, table.rows) or _unknown(refusal, answer.status, table)
    if wording.if_expired is not None and call.expires_at <= now:
        wording = wording.if_expired
    return wording.error(
        call.fill(wording.cause),
        fix=call.fill(wording.fix),
        aws_code=refusal.code,
        status=answer.status,
        request_id=refusal.request_id,
        sts_time=answer.date,
        aws_message=_QUOTED.sub(r"\1…\2", refusal.message),
    )


def _unknown(refusal: ErrorAnswer, status: int, table: Table) -> Wording:
    """For a code that we do not know. What is only temporary comes with the status 400 too, so its name counts."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or _THROTTLING.search(refusal.code):
        return THROTTLED
    if THROTTLED.is_in(refusal.message.casefold()):
        return THROTTLED
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or _TEMPORARY.search(refusal.code):
        return UNAVAILABLE
    return table.unknown


def _not_from_sts(answer: Answer) -> ExchangeFailed:
    kind = StsThrottled if answer.status == HTTPStatus.TOO_MANY_REQUESTS else StsUnavailable
    return kind(
        f"The STS endpoint answered {answer.status}, but not in STS's format.",
        fix=FIX_NOT_STS,
        status=answer.status,
        request_id=answer.request_id,
    )
