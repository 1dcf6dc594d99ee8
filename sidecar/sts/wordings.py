"""What STS servers say when they refuse: the one table of that knowledge, over all servers.

`WORDINGS` is for AssumeRoleWithWebIdentity, `chain_wordings` for AssumeRole. The serving process names a failure by
them, and so does the doctor; `explain` recognises a pasted message. A new sentence is one more row, in `aws_wordings`,
`chain_wordings` or `other_wordings`, and nothing elsewhere.
"""

from collections.abc import Sequence

from sidecar.sts.aws_wordings import AWS
from sidecar.sts.chain_wordings import CHAINED
from sidecar.sts.other_wordings import OTHER_SERVERS, UNKNOWN_WORDS
from sidecar.sts.wording import Wording

WORDINGS: Sequence[Wording] = (*OTHER_SERVERS, *AWS, UNKNOWN_WORDS)
"""Of the rows under one AWS code, the last stands for every other text under it as well."""

KNOWN_CODES = frozenset(code for wording in (*WORDINGS, *CHAINED) for code in wording.aws_codes)
"""Those that we have words for, of either call."""


def wording_of(aws_code: str, message: str, table: Sequence[Wording] = WORDINGS) -> Wording | None:
    """What STS means by this text under this code; None for a code that we do not know. `table`: for which call."""
    rows = [wording for wording in table if aws_code in wording.aws_codes]
    folded = message.casefold()
    fitting = (wording for wording in rows if wording.is_in(folded) or (wording.silent and not folded))
    return next(fitting, rows[-1] if rows else None)


def wording_in(text: str) -> Wording | None:
    """The refusal that a text holds, wherever in a log line it stands; None if we know none of it."""
    folded = text.casefold()
    return next((wording for wording in WORDINGS if wording.is_in(folded)), None)
