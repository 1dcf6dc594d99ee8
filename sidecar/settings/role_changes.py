"""What is different between two sets of roles: which get a new broker, which go, and what only a restart brings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sidecar.settings.roles import (
    ChainSettings,
    ContainerSettings,
    RoleSet,
    RoleSettings,
    SourceSettings,
    StsConnection,
    WebIdentitySettings,
)

ANY_STS = StsConnection(endpoint="", region=None)


@dataclass(frozen=True, slots=True)
class RoleChanges:
    """Names of roles. One whose base has changed is itself unchanged: bases are found by name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    """They have other settings, be it for the credentials or for who is given them."""
    removed: tuple[str, ...]
    needs_restart: tuple[str, ...]
    """Roles whose own addresses differ: listeners are opened at the start alone. All else of them has taken effect."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.needs_restart)


def role_changes(old: RoleSet, new: RoleSet) -> RoleChanges:
    """What it takes to serve `new` where `old` is served."""
    common = [role.name for role in new if role.name in old.by_name]
    return RoleChanges(
        added=tuple(role.name for role in new if role.name not in old.by_name),
        changed=tuple(name for name in common if _without_addresses(old, name) != _without_addresses(new, name)),
        removed=tuple(role.name for role in old if role.name not in new.by_name),
        needs_restart=tuple(_of_other_addresses(old, new)),
    )


def is_same_session(before: SourceSettings, after: SourceSettings) -> bool:
    """Whether both ask for the same rights under the same name: maybe at another endpoint, or for another time."""
    return _session_alone(before) == _session_alone(after)


def _session_alone(source: SourceSettings) -> SourceSettings:
    match source:
        case WebIdentitySettings(session=session):
            return replace(source, session=replace(session, duration=0), sts=ANY_STS)
        case ChainSettings(session=session):
            return replace(source, session=replace(session, duration=0), sts=ANY_STS)
        case ContainerSettings():
            return replace(source, ca_bundle=None)


def _without_addresses(roles: RoleSet, name: str) -> RoleSettings:
    return replace(roles.by_name[name], listen={})


def _of_other_addresses(old: RoleSet, new: RoleSet) -> Iterator[str]:
    for name in dict.fromkeys([*old.by_name, *new.by_name]):
        before, after = old.by_name.get(name), new.by_name.get(name)
        one = before or after
        if before and after:
            if dict(before.listen) != dict(after.listen):
                yield name
        elif one and any(one.listen.values()):
            yield name
