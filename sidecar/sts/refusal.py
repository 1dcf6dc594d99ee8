"""What a refusal means: STS's answer in, one of our errors out, with its retry class, cause and fix.

STS's own text is read to recognise the case, and never passed on. A text that we do not know falls into a class that
keeps trying.
"""

from sidecar.core.claims import Claims
from sidecar.core.errors import ExchangeFailed, StsThrottled, StsUnavailable
from sidecar.core.model import UnixTime
from sidecar.sts.answer import Answer, refusal_in
from sidecar.sts.aws_wordings import THROTTLED, UNAVAILABLE
from sidecar.sts.other_wordings import UNKNOWN_WORDS
from sidecar.sts.wording import RefusedCall, Wording
from sidecar.sts.wordings import wording_of

TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


def failure_of(answer: Answer, *, claims: Claims, role_arn: str, now: UnixTime) -> ExchangeFailed:
    """Name what a non-200 answer means. `now` is STS's clock where it is known, for judging the token's `exp`."""
    refusal = refusal_in(answer)
    if refusal is None:
        return _not_from_sts(answer)
    wording = wording_of(refusal.code, refusal.message) or _by_status(answer.status)
    if wording.if_expired is not None and claims.expires_at <= now:
        wording = wording.if_expired
    call = RefusedCall(claims, role_arn)
    return wording.error(
        call.fill(wording.cause),
        fix=call.fill(wording.fix),
        aws_code=refusal.code,
        status=answer.status,
        request_id=refusal.request_id,
    )


def _by_status(status: int) -> Wording:
    """For a code that we do not know."""
    if status == TOO_MANY_REQUESTS:
        return THROTTLED
    return UNAVAILABLE if status >= SERVER_ERROR else UNKNOWN_WORDS


def _not_from_sts(answer: Answer) -> ExchangeFailed:
    kind = StsThrottled if answer.status == TOO_MANY_REQUESTS else StsUnavailable
    return kind(
        f"The STS endpoint answered {answer.status}, but not in STS's format.",
        fix="If this continues, something other than STS answers there: check AWS_ENDPOINT_URL_STS and HTTPS_PROXY.",
        status=answer.status,
        request_id=answer.request_id,
    )
