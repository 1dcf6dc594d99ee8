"""What a request's target names: a path, in its usual form or in the absolute one that proxies are sent."""

import re

from sidecar.http import refusals
from sidecar.http.refusals import Refused

ABSOLUTE = re.compile(r"https?://([^/?#]+)(/[^?#]*)?(?:\?[^#]*)?", re.IGNORECASE)


def path_of(target: str, headers: dict[str, str]) -> str:
    """The path, without the query. A host in `target` must be the one in `headers`, and becomes it where there is none
    (RFC 9112, section 3.2.2). Raises `Refused`.
    """
    if target.startswith("/") and "#" not in target:
        return target.partition("?")[0]
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused(refusals.BAD_TARGET)
    if headers.setdefault("host", absolute[1]).lower() != absolute[1].lower():
        raise Refused(refusals.HOST_AMBIGUOUS)
    return absolute[2] or "/"
