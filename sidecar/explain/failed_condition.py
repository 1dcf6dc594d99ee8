"""A condition that did not hold for a token, with all that its explanation needs."""

from dataclasses import dataclass

from sidecar.core.findings import Finding, Where, error
from sidecar.explain.nearest import nearest
from sidecar.explain.question import Case
from sidecar.trust import ConditionResult


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A condition that did not hold for the token."""

    condition: ConditionResult
    where: Where
    case: Case

    def linted(self, codes: frozenset[str]) -> list[Finding]:
        """Those of the lint's findings on this condition."""
        return [found for found in self.case.linted if found.where == self.where and found.code in codes]

    @property
    def negated(self) -> bool:
        return "Not" in self.condition.operator

    @property
    def takes_patterns(self) -> bool:
        return "Like" in self.condition.operator or "Arn" in self.condition.operator

    @property
    def key(self) -> str:
        return self.condition.key

    @property
    def named_issuer(self) -> str:
        return self.key.rpartition(":")[0]

    @property
    def claim(self) -> str:
        return self.key.rpartition(":")[2].casefold()

    @property
    def actual(self) -> str:
        """What the token has; "" if nothing goes by that key."""
        return next(iter(self.condition.actual), "")

    @property
    def near(self) -> str:
        """The wanted value that comes closest to what the token has."""
        return nearest(self.condition.wanted, self.actual)

    def found(self, code: str, message: str, fix: str) -> Finding:
        return error(code, message, fix, self.where)
