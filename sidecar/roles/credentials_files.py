"""The shared credentials files of all roles: one for each path, with a section for each role that names it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sidecar.core.ports import Observer
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.settings.roles import CredentialsFileSettings, RoleSettings


class CredentialsFiles:
    """Makes each file when the first role names it. `open_file`: gives what keeps the file at a path."""

    def __init__(self, open_file: Callable[[Path], CredentialsFile]) -> None:
        self._open = open_file
        self._files: dict[Path, CredentialsFile] = {}

    def section(self, settings: CredentialsFileSettings) -> Observer:
        """Sees a role's events, and keeps its section."""
        file = self._files.get(settings.path) or self._files.setdefault(settings.path, self._open(settings.path))
        return file.section(settings.profile)

    def keep_only(self, roles: Iterable[RoleSettings]) -> None:
        """Forget the files and the sections of all other roles."""
        profiles: defaultdict[Path, set[str]] = defaultdict(set)
        for role in roles:
            if role.credentials_file:
                profiles[role.credentials_file.path].add(role.credentials_file.profile)
        self._files = {path: file for path, file in self._files.items() if path in profiles}
        for path, file in self._files.items():
            file.keep_only(profiles[path])

    def __iter__(self) -> Iterator[CredentialsFile]:
        return iter(self._files.values())
