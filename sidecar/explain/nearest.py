"""Which of several texts was meant: edit distance, and what exactly differs between two subjects."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from sidecar.trust.mistakes import service_account
from sidecar.trust.patterns import glob

MAXIMUM_COMPARED = 512


@lru_cache(maxsize=4096)  # an audit meets the same two issuers thousands of times
def distance(left: str, right: str) -> int:
    """The fewest insertions, deletions and substitutions from one to the other (Levenshtein)."""
    left, right = left[:MAXIMUM_COMPARED], right[:MAXIMUM_COMPARED]
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (char != other))
    return row[-1]


def nearest(wanted: Iterable[str], actual: str) -> str:
    """The one of `wanted` that is closest; the first of equals, "" of none."""
    return min(wanted, key=lambda value: distance(value, actual), default="")


def difference(actual: str, wanted: str) -> str:
    """What differs between two subjects, as a clause; "" where nothing short can be said."""
    if wanted.strip() == actual:
        return "the policy's value has white space around it"
    if wanted.casefold() == actual.casefold():
        return "only the case differs, and IAM compares case-sensitively"
    have, want = service_account(actual), service_account(wanted)
    if have is None or want is None:
        return ""
    return " and ".join(_parts(have, want))


def _parts(have: Sequence[str], want: Sequence[str]) -> Iterator[str]:
    for name, is_, should in zip(("namespace", "service account"), have, want, strict=True):
        if is_ != should and not glob(should, is_):  # a pattern that matches does not differ
            yield f"the {name} differs: {is_}, not {should}"
