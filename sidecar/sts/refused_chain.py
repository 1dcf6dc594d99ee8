"""A refused AssumeRole: who asked for which role, and in whose account a person has to look."""

from dataclasses import dataclass

from sidecar.core.arns import account_of
from sidecar.core.model import UnixTime

NO_EXTERNAL_ID = (
    "If the trust policy has a condition on sts:ExternalId, set the profile's external_id: none is sent now."
)
OTHER_EXTERNAL_ID = "If the trust policy has a condition on sts:ExternalId, compare it with the profile's external_id."


@dataclass(frozen=True, slots=True)
class RefusedChain:
    """What the wordings of AssumeRole are filled in with. `base_arn` is the role behind `caller`; "" if not known."""

    caller: str
    base_arn: str
    role_arn: str
    has_external_id: bool
    expires_at: UnixTime
    """When the credentials that signed the call expire."""

    def fill(self, text: str) -> str:
        return text.format(
            caller=self.caller or self._base,
            base_arn=self._base,
            role_arn=self.role_arn,
            account=account_of(self.role_arn) or "of the role",
            where_to_look=self._where_to_look(),
            external_id_hint=OTHER_EXTERNAL_ID if self.has_external_id else NO_EXTERNAL_ID,
        )

    @property
    def _base(self) -> str:
        return self.base_arn or "the base role"

    def _where_to_look(self) -> str:
        """Which of the two policies must allow it follows from the accounts (AWS STS API reference, AssumeRole)."""
        base, target = account_of(self.base_arn), account_of(self.role_arn)
        if base and base == target:
            return (
                f"Both roles are in account {base}, so look at the trust policy of {self.role_arn} first: to name "
                f"{self._base} there is enough; if it names the account, a policy of {self._base} must allow "
                "sts:AssumeRole on the role as well."
            )
        return (
            f"The roles are in different accounts, so both must allow it: look at the trust policy of {self.role_arn} "
            f"(account {target or 'unknown'}), which must name {self._base} as its principal, and at the policies of "
            f"{self._base} (account {base or 'unknown'}), which must allow sts:AssumeRole on the role."
        )
