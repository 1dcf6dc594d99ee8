"""The arguments of `explain --profile`: a profile's chain out of the config file, and the policies of its roles."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from sidecar.core.arns import RoleArn
from sidecar.core.claims import Claims, unverified_claims
from sidecar.core.model import DEFAULT_ROLE, UnixTime
from sidecar.core.variables import AUTHORIZATION_FILE, FULL_URI
from sidecar.explain.account_roles import AccountRole, account_roles
from sidecar.explain.chain import ChainSession
from sidecar.explain.explanation import explain
from sidecar.explain.policy_text import NotAPolicy, policy_text
from sidecar.explain.profile_chain import (
    ExplainedLink,
    explained_links,
    path_to,
    session_of_endpoint,
    session_of_token,
)
from sidecar.explain.question import Question
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import ContainerSettings, RoleSet, RoleSettings, WebIdentitySettings
from sidecar.terminal.files import BadArguments, read, read_document

AGENT = "http://169.254.170.23/v1/credentials"
"""The EKS Pod Identity agent's, where a profile has the credentials of a container endpoint."""
ANY_REGION = "us-east-1"
"""A signature names a region; what policies say does not depend on it."""


def links_of(given: argparse.Namespace, environ: Mapping[str, str], now: UnixTime) -> list[ExplainedLink]:
    """Every link of the chain, the token's own role first. Raises `BadArguments`."""
    token = read(given.token_file, "--token-file")
    known: dict[str, AccountRole] = {}
    for path in given.account:
        known |= _account(path)
    path = path_to(_roles(given, environ), given.profile)
    claims = unverified_claims(token.strip())
    links = _root(path[0], given, known, token, now)
    if len(path) > 1:
        links += explained_links(path, known, claims, _first_session(path[0], given.role_arn, claims))
    if not links:
        raise BadArguments(_nothing_to_explain(path[0]))
    return links


def _first_session(root: RoleSettings, role_arn: str, claims: Claims) -> ChainSession:
    """What a chain begins with."""
    if isinstance(root.source, WebIdentitySettings):
        return session_of_token(root.source, claims)
    assert isinstance(root.source, ContainerSettings)
    try:
        return session_of_endpoint(root.source, RoleArn.parse(role_arn), claims)
    except ValueError:
        raise BadArguments(
            f"--profile: the chain begins with {root.name}, a container endpoint; give the ARN of its role as "
            "--role-arn (EKS Pod Identity: the association's)"
        ) from None


def _nothing_to_explain(root: RoleSettings) -> str:
    if root.role_arn is None:
        return f"--profile: {root.name} has the credentials of a container endpoint, and no link to explain"
    return f"--profile: no file has the trust policy of {root.role_arn}; give it as --account or --trust-policy"


def _account(path: str) -> dict[str, AccountRole]:
    try:
        return account_roles(read_document(path, "--account"))
    except NotAPolicy as problem:
        raise BadArguments(f"--account: {path}: {problem}") from None


def _roles(given: argparse.Namespace, environ: Mapping[str, str]) -> RoleSet:
    """As the sidecar would read them, whose variables need not be set here."""
    file = given.config or environ.get("AWS_CONFIG_FILE")
    if not file:
        raise BadArguments("--profile needs --config, or AWS_CONFIG_FILE")
    assumed = {
        FULL_URI: AGENT,
        AUTHORIZATION_FILE: str(Path(given.token_file).absolute()),
        "AWS_REGION": ANY_REGION,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(Path(given.token_file).absolute()),
    }
    of_aws = {name: value for name, value in environ.items() if name.startswith("AWS_")}
    wanted = {"AWS_CONFIG_FILE": str(Path(file).absolute()), "SIDECAR_PROFILES": given.profile}
    own = {"AWS_ROLE_ARN": given.role_arn} if given.role_arn else {}
    default = {} if given.role_arn or "AWS_ROLE_ARN" in environ else {"SIDECAR_DEFAULT_PROFILE": given.profile}
    try:
        return load(assumed | of_aws | wanted | own | default, []).roles
    except BadConfig as problem:
        raise BadArguments(str(problem.complaints[0]).rstrip(".")) from None


def _root(
    root: RoleSettings, given: argparse.Namespace, known: Mapping[str, AccountRole], token: str, now: UnixTime
) -> list[ExplainedLink]:
    """The token's own role, where a file has its trust policy."""
    if not isinstance(root.source, WebIdentitySettings):
        return []
    arn = str(root.source.role_arn)
    policy, policy_of = known[arn].trust_policy if arn in known else "", arn
    if given.trust_policy:
        found = policy_text(read_document(given.trust_policy, "--trust-policy"), arn)
        policy, policy_of = found.text, found.role_arn
    if not policy:
        return []
    asked = Question(
        token=token,
        policy=policy,
        now=now,
        role_arn=arn,
        policy_of=policy_of,
        sts_endpoint=given.endpoint_url_sts or "",
        providers=tuple(given.provider),
        client_ids=tuple(given.client_id),
        session_name=root.source.session.name or "",
    )
    return [ExplainedLink("", root.name or DEFAULT_ROLE, explain(asked))]
