"""Mistakes between token, IAM provider and role ARN: what STS looks at before it opens the trust policy."""

from collections.abc import Iterator

from sidecar.core import audiences
from sidecar.core.arns import RoleArn, account_of
from sidecar.core.findings import Finding, error, info, warning
from sidecar.explain.issuer_names import issuer_slip
from sidecar.explain.jwt_parts import shown
from sidecar.explain.question import Case, OidcProvider, Question, role_in
from sidecar.explain.token_mistakes import api_token, may_be_for_the_api_server, several_audiences, wrong_file


def role_arn_form(asked: Question) -> Iterator[Finding]:
    if not asked.role_arn:
        return
    try:
        RoleArn.parse(asked.role_arn)
    except ValueError as problem:
        if not asked.asks_aws and _may_be_another_servers(asked.role_arn):
            yield _of_another_server(asked)
            return
        yield error(
            "not-a-role-arn",
            f"{shown(asked.role_arn)} {problem}{_hint(asked)}. STS says `Request ARN is invalid`, or 403.",
            _right_arn(asked),
        )


def _hint(asked: Question) -> str:
    if ":" not in asked.role_arn:
        return "; this is a bare name, and STS wants the whole ARN"
    if _may_be_another_servers(asked.role_arn):
        return "; for an STS other than AWS's, which may take it, give --endpoint-url-sts"
    return ""


def _right_arn(asked: Question) -> str:
    if asked.policy_of:
        return f"Set AWS_ROLE_ARN to {shown(asked.policy_of)}."
    parts = asked.role_arn.split("/")
    name = parts[1] if ":assumed-role/" in asked.role_arn else parts[-1]
    return f"Copy the Arn that `aws iam get-role --role-name {shown(name) or '<name>'}` prints, path included."


def _may_be_another_servers(text: str) -> bool:
    """An account of digits is one of AWS's, mistyped."""
    try:
        return not RoleArn.parse_any(text).account.isdigit()
    except ValueError:
        return False


def _of_another_server(asked: Question) -> Finding:
    return warning(
        "role-of-another-server",
        f"{shown(asked.role_arn)} is not in AWS's form. STS servers other than AWS's take it, and judge by their own "
        "rules; all that is said here is by AWS's.",
        "For a role of AWS's: copy the Arn that `aws iam get-role --role-name <name>` prints.",
    )


def other_role(case: Case) -> Iterator[Finding]:
    """The pod asks for one role, the policy is another's: by the path, which is part of the name, or altogether."""
    asked, real = role_in(case.asked.role_arn), role_in(case.asked.policy_of)
    if asked is None or real is None or asked == real:
        return
    if asked.prefix != real.prefix and not case.is_built_in:
        return  # account or partition: the provider's step names it
    same_name = asked.name == real.name
    yield error(
        "role-path-differs" if same_name else "other-role",
        f"The pod requests {asked}, but the policy belongs to {real}"
        + ("; the path is part of the name." if same_name else ".")
        + " STS gives the same message for a missing role as for a refusal.",
        f"Set AWS_ROLE_ARN (or the service account's annotation) to {real}.",
    )


def no_provider(case: Case) -> Iterator[Finding]:
    """STS looks for the issuer's provider in the account of the role's ARN, letter by letter."""
    if case.is_built_in:
        return
    yield from _misplaced_role(case)
    found = case.matching
    if found is None:
        yield _missing(case)
    elif found.place and case.role and found.place != case.role:
        yield _misplaced(case, found)


def _missing(case: Case) -> Finding:
    issuer = shown(case.token.issuer)
    for other in case.asked.providers:
        if other.name.rstrip("/") == case.token.issuer_name.rstrip("/"):
            return error(
                "trailing-slash",
                f"The token's iss is {issuer}, the provider is {other.written}: they differ by a trailing slash, and "
                "STS compares exactly.",
                f"Create a provider for exactly {issuer}; a provider's URL cannot be changed.",
            )
        if other.name.casefold() == case.token.issuer_name.casefold():
            return error(
                "issuer-case",
                f"The token's iss is {issuer}, the provider is {other.written}: only the case differs, and "
                "STS is case-sensitive.",
                f"Create a provider for exactly {issuer}.",
            )
        if slip := issuer_slip(other.name, case.token.issuer_name):
            return error(
                slip[0],
                f"The token's iss is {issuer}, the provider is {other.written}: {slip[1]}.",
                f"Create a provider for exactly {issuer}; a provider's URL cannot be changed.",
            )
    given = ", ".join(other.written for other in case.asked.providers)
    return error(
        "no-provider",
        f"No provider matches the token's issuer {issuer}; given: {given}. STS says `No OpenIDConnect provider "
        f"found in your account for {issuer}`.",
        f"In account {case.place.account}: `aws iam create-open-id-connect-provider --url {issuer} "
        f"--client-id-list {shown(case.token.audience or audiences.STS)}`. A recreated cluster has a new issuer.",
    )


def _misplaced_role(case: Case) -> Iterator[Finding]:
    asked, real = case.role, case.asked.policy_of
    if case.asked.role_arn and asked and real and account_of(real) != asked.account:
        yield error(
            "role-in-other-account",
            f"The pod requests a role in account {asked.account}, but the policy belongs to {shown(real)}.",
            f"Set AWS_ROLE_ARN to {shown(real)}.",
        )
    elif (there := role_in(real)) and asked and case.asked.role_arn and there.partition != asked.partition:
        yield error(
            "partition-differs",
            f"The pod requests a role in partition {asked.partition}, but the policy belongs to {shown(real)}.",
            f"Set AWS_ROLE_ARN to {shown(real)}.",
        )


def _misplaced(case: Case, found: OidcProvider) -> Finding:
    assert found.place is not None
    assert case.role is not None
    there, here = found.place, case.role
    told = "" if case.asked.providers else " (from the policy's principal)"
    if there.account == here.account:
        return error(
            "partition-differs",
            f"The role is in partition {here.partition}, the provider in {there.partition}{told}: {found.written}.",
            f"Write arn:{there.partition}: or arn:{here.partition}: in both; China has aws-cn, GovCloud aws-us-gov.",
        )
    return error(
        "role-in-other-account",
        f"The role ARN names account {here.account}, the provider is in {there.account}{told}. STS looks in the role's "
        f"account only and says `No OpenIDConnect provider found in your account for {shown(case.token.issuer)}`.",
        f"Correct the account in AWS_ROLE_ARN, or create the provider in account {here.account} and name "
        f"{here.provider_arn(case.token.issuer_name)} as principal.",
    )


def audience(case: Case) -> Iterator[Finding]:
    """STS compares with the provider's client ids first; the trust policy's own condition comes later."""
    right = case.wanted_audience or audiences.STS
    yield from several_audiences(case.token, right)
    have, known = case.token.audience, case.asked.client_ids
    if have in known or not have or case.is_built_in:
        return
    wrong = list(wrong_file(case.token, right))
    if not wrong and may_be_for_the_api_server(case.token) and (known or not _is_named(case, have)):
        wrong = [api_token(case.token, right)]
    yield from wrong
    if known and not wrong:
        yield _client_id_missing(case)


def _is_named(case: Case, audience: str) -> bool:
    """Whether the policy wants exactly this audience: then it is meant."""
    conditions = (condition for statement in case.policy.statements for condition in statement.conditions)
    return any(audience in found.values and not found.operator.negated for found in conditions)


def _client_id_missing(case: Case) -> Finding:
    have, known = case.token.audience, case.asked.client_ids
    remark = audiences.remark(have)
    return error(
        "client-id-missing",
        f"The token's audience {shown(have)} is not among the provider's client ids ({', '.join(known)})"
        + (f": {remark}." if remark else ".")
        + " STS says `Incorrect token audience`.",
        f"`aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {case.provider_arn} "
        f"--client-id {shown(have)}`, or {audiences.ask_for(known[0], case.token.issuer_name)}.",
    )


def assumptions(case: Case) -> Iterator[Finding]:
    """What was not given and is taken for granted."""
    if case.is_built_in:
        return
    if not case.asked.providers:
        yield info(
            "provider-assumed",
            f"No --provider given: assuming that {case.provider_arn} exists, as the token's issuer needs.",
            "`aws iam list-open-id-connect-providers` lists the account's providers; pass them as --provider.",
        )
    if not case.asked.client_ids and not any(wrong_file(case.token)):
        yield info(
            "client-id-assumed",
            f"No --client-id given: assuming the provider lists {shown(case.token.audience)}, the token's audience.",
            f"`aws iam get-open-id-connect-provider --open-id-connect-provider-arn {case.provider_arn}` "
            "shows its ClientIDList.",
        )
