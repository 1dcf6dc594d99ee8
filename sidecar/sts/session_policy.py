"""The session policy of a call: it takes permissions away from the session that is issued, never adds one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """`text`: an inline policy, in JSON, "" for none. `arns`: managed policies of the role's account.

    Limits: AWS STS API reference, AssumeRole, `Policy` and `PolicyArns`.
    """

    text: str = field(default="", repr=False)
    arns: tuple[str, ...] = ()

    def fields(self) -> dict[str, str]:
        """The form's fields."""
        inline = {"Policy": self.text} if self.text else {}
        return inline | {f"PolicyArns.member.{index}.arn": arn for index, arn in enumerate(self.arns, 1)}


NO_SESSION_POLICY = SessionPolicy()
