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
from sidecar.settings.container_source import is_agent
from sidecar.settings.roles import (
    ChainSettings,
    ContainerSettings,
    RoleSet,
    RoleSettings,
    WebIdentitySettings,
)
from sidecar.sts.session_name import session_name_for
from sidecar.trust import SessionTags


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
    path: list[RoleSettings], known: Mapping[str, AccountRole], claims: Claims, session: ChainSession
) -> Iterator[ExplainedLink]:
    """Each link behind the first role of `path`, whose session this is. Of what follows a tag that cannot be filled in
    nothing is known.
    """
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


def session_of_token(source: WebIdentitySettings, claims: Claims) -> ChainSession:
    name = source.session.name or session_name_for(claims)
    return ChainSession(source.role_arn, name, policy=source.session.policy)


def session_of_endpoint(source: ContainerSettings, role_arn: RoleArn, claims: Claims) -> ChainSession:
    """`role_arn`: whose credentials the container endpoint gives, which no file tells."""
    tags = _tags_of_the_agent(claims) if is_agent(source.url) else SessionTags()
    return ChainSession(role_arn, session_name_for(claims), tags)


def _tags_of_the_agent(claims: Claims) -> SessionTags:
    """All transitive (EKS User Guide, "Grant Pods access to AWS resources based on tags"); the cluster's is unknown."""
    tags = {
        "kubernetes-namespace": claims.namespace,
        "kubernetes-service-account": claims.service_account,
        "kubernetes-pod-name": claims.pod,
    }
    return SessionTags(tags, tuple(tags))
