"""The shared credentials files of all roles: one for each path, with a section for each role that names it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sidecar.core.model import Credentials
from sidecar.core.ports import Observer
from sidecar.core.refresh import RefreshEvent, RoleState
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.settings.roles import CredentialsFileSettings, RoleSettings

Held = tuple[RoleSettings, Credentials | None]
"""A role, and what it holds."""


class CredentialsFiles:
    """The `Observer` of all roles that keeps their sections. `open_file`: gives what keeps the file at a path."""

    def __init__(self, open_file: Callable[[Path], CredentialsFile]) -> None:
        self._open = open_file
        self._files: dict[Path, CredentialsFile] = {}
        self._sections: dict[str, Observer] = {}

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:
        if (section := self._sections.get(role)) is not None:
            section(role, event, state)

    def show(self, roles: Iterable[Held]) -> None:
        """From now on these, with what they hold: the section of a role that holds nothing yet goes."""
        sections: defaultdict[Path, dict[str, Credentials]] = defaultdict(dict)
        self._sections.clear()
        for role, held in roles:
            if (named := role.credentials_file) is not None:
                self._sections[role.name] = self._section(named)
                sections[named.path] |= {} if held is None else {named.profile: held}
        self._files = {path: file for path, file in self._files.items() if path in sections}
        for path, file in self._files.items():
            file.hold(sections[path])

    def _section(self, settings: CredentialsFileSettings) -> Observer:
        file = self._files.get(settings.path) or self._files.setdefault(settings.path, self._open(settings.path))
        return file.section(settings.profile)

    def __iter__(self) -> Iterator[CredentialsFile]:
        return iter(self._files.values())
