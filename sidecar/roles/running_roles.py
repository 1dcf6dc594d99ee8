"""All roles at work, by name: what a reload of the settings begins, replaces and ends."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from sidecar.roles.running_role import RunningRole
from sidecar.settings.role_changes import RoleChanges, role_changes
from sidecar.settings.roles import RoleSet, RoleSettings


class Maker(Protocol):
    """Puts roles together. What it raises leaves everything as it was."""

    def made(self, settings: RoleSettings) -> RunningRole: ...

    def changed(self, role: RunningRole, settings: RoleSettings) -> RunningRole:
        """The same role with other settings."""
        ...


class RunningRoles:
    """`on_change`: called whenever there are others than before, or with other settings."""

    def __init__(self, roles: RoleSet, maker: Maker, on_change: Callable[["RunningRoles"], None]) -> None:
        self._at_start = roles
        self._maker = maker
        self._on_change = on_change
        self.settings = roles
        """Those that are at work."""
        self._by_name = {role.name: maker.made(role) for role in roles}
        on_change(self)

    def __iter__(self) -> Iterator[RunningRole]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> RunningRole:
        return self._by_name[name]

    @property
    def default(self) -> RunningRole:
        return self._by_name[self.settings.default]

    @property
    def served(self) -> tuple[RunningRole, ...]:
        """Those that applications may ask for, the default first."""
        return tuple(self._by_name[role.name] for role in self.settings.served)

    @property
    def default_first(self) -> tuple[RunningRole, ...]:
        """All of them, with the bases that applications may not ask for."""
        return tuple(sorted(self, key=lambda role: role is not self.default))

    async def replace(self, wanted: RoleSet) -> RoleChanges:
        """Let `wanted` be at work. What has not changed goes on as it is, with its credentials.

        Addresses stay as they were at the start: `needs_restart` names the roles for which they differ. Raises what the
        maker raises, and then nothing has changed.
        """
        bound = self._with_the_addresses_of_the_start(wanted)
        changes = role_changes(self.settings, bound)
        made = {name: self._made(bound.by_name[name]) for name in (*changes.added, *changes.changed)}
        await ready_tokens(made.values())
        self._by_name = {name: made.get(name) or self._by_name[name] for name in bound.by_name}
        self.settings = bound
        self._on_change(self)
        return replace(changes, needs_restart=role_changes(self._at_start, wanted).needs_restart)

    def _made(self, settings: RoleSettings) -> RunningRole:
        role = self._by_name.get(settings.name)
        return self._maker.made(settings) if role is None else self._maker.changed(role, settings)

    def _with_the_addresses_of_the_start(self, wanted: RoleSet) -> RoleSet:
        at_start = self._at_start.by_name
        return replace(
            wanted,
            by_name={
                name: replace(role, listen=at_start[name].listen) if name in at_start else role
                for name, role in wanted.by_name.items()
            },
        )


async def ready_tokens(roles: Iterable[RunningRole]) -> None:
    """Read each role's token, or make it, before anybody is told of the role: together, for each may hang."""
    await asyncio.gather(*(role.authorization.renewed() for role in roles if role.authorization is not None))
