"""The config file with the roles, followed: what is new in it takes effect, and a bad file changes nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sidecar.core.model import Seconds
from sidecar.core.one_call import OneCall
from sidecar.core.regular_file import read_projected
from sidecar.observe.snapshot import ConfigFileSnapshot
from sidecar.observe.startup import announce_warnings
from sidecar.settings.complaints import BadConfig
from sidecar.settings.role_changes import RoleChanges
from sidecar.settings.role_loading import RoleLoader
from sidecar.settings.roles import RoleSet

READ_WITHIN: Seconds = 5
"""A file system that hangs, as a network's may, must not hold up the watch of the others."""
MOST_BYTES = 1024 * 1024 + 1
"""More than a ConfigMap holds."""

logger = logging.getLogger("sidecar.config_file")


class ReloadObserver(Protocol):
    """Sees whether a reload took effect."""

    def __call__(self, *, successful: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class _News:
    """`roles`: those that `contents` describe, the config file's and that of each file which it named before."""

    contents: list[bytes | None]
    roles: RoleSet


class ConfigReload:
    """A `WatchedFile`. `roles`: those at work; `replace`: lets others be at work, and raises where it cannot."""

    def __init__(
        self,
        path: Path,
        loader: RoleLoader,
        roles: RoleSet,
        replace: Callable[[RoleSet], Awaitable[RoleChanges]],
        observe: ReloadObserver,
    ) -> None:
        self.path = path
        self._loader = loader
        self._roles = roles
        self._replace = replace
        self._observe = observe
        self._call = OneCall(READ_WITHIN)
        self._one_at_a_time = asyncio.Lock()  # the older of two looks could else bring its roles back
        self._taken: list[bytes | None] | None = None
        """What the files held that have taken effect; None while those on the disk may not have."""
        self.state = ConfigFileSnapshot(path)
        observe(successful=True)  # else nothing would have started

    async def look(self) -> None:
        """Let what is new in the file take effect. Raises nothing."""
        async with self._one_at_a_time:
            await self._look()

    async def _look(self) -> None:
        try:
            if (news := await self._call(self._news)) is not None:
                await self._take(news.roles)
                self._taken = news.contents
        except BadConfig as error:
            self._refuse(error.told)
        except Exception as error:  # noqa: BLE001 (a defect here must not end the watch of the tokens)
            self._refuse(_reason(error))

    def _news(self) -> "_News | None":
        """What the files hold now, None where that has taken effect already. Blocks. Raises `BadConfig`."""
        contents = [_content(path) for path in (self.path, *self._roles.files)]
        return None if contents == self._taken else _News(contents, self._loader.load())

    async def _take(self, roles: RoleSet) -> None:
        needs_restart = self.state.needs_restart
        if roles != self._roles:
            changes = await self._replace(roles)
            self._tell(changes)
            needs_restart = changes.needs_restart
        if roles.warnings != self._roles.warnings:
            announce_warnings(roles)
        if self.state.problem:
            logger.info("config file usable again", extra={"file": str(self.path)})
        self._roles = roles
        self.state = ConfigFileSnapshot(self.path, needs_restart=needs_restart)
        self._observe(successful=True)

    def _tell(self, changes: RoleChanges) -> None:
        named = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
        shown = {name: ", ".join(roles) for name, roles in named.items() if roles}
        if shown:
            logger.info("roles reloaded", extra={"file": str(self.path)} | shown)
        if changes.needs_restart and changes.needs_restart != self.state.needs_restart:
            logger.warning(
                "restart needed",
                extra={
                    "file": str(self.path),
                    "roles": ", ".join(changes.needs_restart),
                    "fix": "restart the pod: a role's own addresses are opened at the start alone; all else of these "
                    "roles has taken effect",
                },
            )

    def _refuse(self, problem: str) -> None:
        """Once, until it is another problem: the file is looked at again and again."""
        self._taken = None
        self._observe(successful=False)
        if problem != self.state.problem:
            extra = {"file": str(self.path), "reason": problem, "fix": "correct the file; until then nothing changes"}
            logger.warning("config file refused", extra=extra)
        self.state = ConfigFileSnapshot(self.path, problem, self.state.needs_restart)


def _content(path: Path) -> bytes | None:
    """What the file holds, None where it cannot be read."""
    try:
        return read_projected(path, MOST_BYTES)
    except OSError:
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.strerror:
        return "the file system does not answer"
    return getattr(error, "strerror", None) or type(error).__name__
