"""One row of what STS says: how it is recognised, which error it is, and its cause and fix in our words."""

import re
from dataclasses import dataclass, replace
from typing import Protocol

from sidecar.core import audiences
from sidecar.core.arns import account_of
from sidecar.core.claims import Claims
from sidecar.core.errors import ExchangeFailed
from sidecar.core.model import UnixTime

FIX_TEMPORARY = "Usually temporary; the sidecar keeps trying."
FIX_NOT_STS = "If this continues, something other than STS answers there: check AWS_ENDPOINT_URL_STS and HTTPS_PROXY."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One thing that STS says. Its error class says when to try again.

    `fragments` are pieces of the text in small letters, any of which tells it; `aws_codes` are those that it comes
    under, the usual one first. `code` is our name for it; "" where a look at token and policy tells more than the
    text. `cause` and `fix` may name what `RefusedCall.fill` knows. `silent`: it is told by a code without any text.
    `if_expired`: what it means for a token whose time is over.
    """

    aws_codes: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    error: type[ExchangeFailed]
    code: str = ""
    cause: str
    fix: str
    silent: bool = False
    if_expired: "Wording | None" = None

    def is_in(self, text: str) -> bool:
        return any(fragment in text for fragment in self.fragments)

    def under(self, *aws_codes: str, words: tuple[str, ...], cause: str = "", fix: str = "") -> "Wording":
        """The same from another server: its codes and words, and a cause and fix of its own where those differ."""
        cause, fix = cause or self.cause, fix or self.fix
        return replace(self, aws_codes=aws_codes, fragments=words, cause=cause, fix=fix)


class RefusedRequest(Protocol):
    """A call that STS refused."""

    @property
    def expires_at(self) -> UnixTime:
        """When what it was made with expires."""
        ...

    def fill(self, text: str) -> str:
        """A wording's cause or fix with the names of this call."""
        ...


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """Who asked for which role with a token."""

    claims: Claims
    role_arn: str

    @property
    def expires_at(self) -> UnixTime:
        return self.claims.expires_at

    def fill(self, text: str) -> str:
        return text.format(
            who=self._who(),
            role_arn=self.role_arn,
            account=account_of(self.role_arn) or "of the role",
            key_id=self.claims.key_id or "none",
            issuer=to_paste(self.claims.issuer, "<issuer>"),
            audience=to_paste("".join(self.claims.audiences[:1]), "<audience>"),
            provider_arn=self._provider_arn(),
            audience_hint=self._audience_hint(),
        )

    def _provider_arn(self) -> str:
        account, _, _ = self.role_arn.partition(":role/")
        name = self.claims.issuer.removeprefix("https://")
        return to_paste(f"{account}:oidc-provider/{name}" if account and name else "", "<provider ARN>")

    def _who(self) -> str:
        claims, audience = self.claims, ", ".join(self.claims.audiences)
        return f"iss {claims.issuer or 'missing'}, sub {claims.subject or 'missing'}, aud {audience or 'missing'}"

    def _audience_hint(self) -> str:
        """What the token's audience gives away: a likelier cause than IAM."""
        for audience in self.claims.audiences:
            if hint := audiences.meant_for_another(audience, self.claims.issuer) or audiences.remark(audience):
                return f" About the token's audience: {hint}."
        return ""


def to_paste(text: str, placeholder: str) -> str:
    """`text` where a shell takes it as one plain word: whoever made the token wrote it, and a person will paste it."""
    return text if re.fullmatch(r"\w[\w.:/@+=-]*", text, re.ASCII) else placeholder
