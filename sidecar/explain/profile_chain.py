"""The roles from a profile down to the one that its chain begins with, and what each link asks for. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sidecar.core.arns import RoleArn
from sidecar.core.claims import Claims
from sidecar.core.errors import ClaimMissing
from sidecar.explain.account_roles import AccountRole
from sidecar.explain.chain import ChainLink, ChainSession, explain_link
from sidecar.explain.explanation import Explanation
from sidecar.settings.roles import ChainSettings, RoleSet, RoleSettings, WebIdentitySettings
from sidecar.sts.session_name import session_name_for


@dataclass(frozen=True, slots=True)
class ExplainedLink:
    """One link, and what there is to say of it. `base` and `role` are names of profiles."""

    base: str
    role: str
    told: Explanation


def path_to(roles: RoleSet, name: str) -> list[RoleSettings]:
    """The role that a chain begins with first, the one called `name` last."""
    found = [roles.by_name[name]]
    while isinstance(source := found[0].source, ChainSettings):
        found.insert(0, roles.by_name[source.base])
    return found


def explained_links(
    path: list[RoleSettings], known: Mapping[str, AccountRole], claims: Claims
) -> Iterator[ExplainedLink]:
    """Each link behind the first role of `path`. Of what follows a tag that cannot be filled in nothing is known."""
    root = path[0]
    session = _root_session(root, claims)
    for base, role in pairwise(path):
        assert isinstance(role.source, ChainSettings)
        target = role.source.role_arn
        link = ChainLink(
            session, known.get(str(session.role_arn)), target, known.get(str(target)), role.source.session, claims
        )
        yield ExplainedLink(base.name, role.name, explain_link(link))
        try:
            session = link.session
        except ClaimMissing:
            return


def _root_session(root: RoleSettings, claims: Claims) -> ChainSession:
    """A container endpoint's role is its own affair: it is given a name that no file has."""
    source, named = root.source, session_name_for(claims)
    if isinstance(source, WebIdentitySettings):
        return ChainSession(source.role_arn, source.session.name or named, policy=source.session.policy)
    return ChainSession(RoleArn("arn:aws:iam::", "/", "role-of-the-container-endpoint"), named)
