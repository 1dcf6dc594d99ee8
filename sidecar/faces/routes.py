"""Which role a container endpoint shows at which path, and what to say where there is none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from sidecar.core.errors import NoSuchPath
from sidecar.core.model import Credentials
from sidecar.faces.document import Documents
from sidecar.faces.guards import Guard
from sidecar.faces.paths import canonical

CREDENTIALS_PATH = "/v1/credentials"
DEFAULT_PATHS = (CREDENTIALS_PATH, "/")
"""Where a role needs no name."""


class CredentialProvider(Protocol):
    """Where credentials come from: a broker."""

    def usable(self) -> Credentials | None:
        """The credentials that may be served now, if any."""
        ...

    async def credentials(self) -> Credentials:
        """The same, after a short wait where that helps. Raises `NoCredentials`."""
        ...


@dataclass(frozen=True, slots=True)
class ServedRole:
    """One role as a container endpoint shows it."""

    name: str
    source: CredentialProvider
    documents: Documents
    guard: Guard | None = None
    """Its own, where only one token opens it; None for the endpoint's."""


class Routes:
    """The roles of one endpoint by path. `default`: the role that needs no name, if it is among them."""

    def __init__(self, roles: Iterable[ServedRole], default: str) -> None:
        self._named = {role.name: role for role in roles}
        self._by_path = dict(_paths(self._named, default))

    def at(self, path: str) -> ServedRole:
        """Raises `NoSuchPath`, which lists the roles where there are several."""
        found = self._by_path.get(path) or self._by_path.get(canonical(path)) or self._escaped(path)
        if found is None:
            raise self._nowhere(path)
        return found

    def _escaped(self, path: str) -> ServedRole | None:
        """A name may hold signs that some clients escape."""
        before, _, name = canonical(path).rpartition("/")
        return self._named.get(unquote(name)) if before == CREDENTIALS_PATH else None

    def _nowhere(self, path: str) -> NoSuchPath:
        if len(self._named) <= 1 and self._by_path.keys() >= set(DEFAULT_PATHS):
            return NoSuchPath(
                "There is nothing at this path.",
                fix=f"AWS_CONTAINER_CREDENTIALS_FULL_URI must end in {CREDENTIALS_PATH}.",
            )
        asked_by_name = canonical(path).startswith(f"{CREDENTIALS_PATH}/")
        return NoSuchPath(
            "There is no role of this name here." if asked_by_name else "There is nothing at this path.",
            fix=f"AWS_CONTAINER_CREDENTIALS_FULL_URI must end in {CREDENTIALS_PATH}/ and the name of a role: "
            f"{', '.join(sorted(self._named)) or 'there is none at this address'}.",
        )


def can_lead_to_a_role(path: str) -> bool:
    """Whether some sidecar could have a role at this path of a URL."""
    asked = canonical(path)
    return asked in DEFAULT_PATHS or asked.rpartition("/")[0] == CREDENTIALS_PATH


def role_named_by(path: str) -> str:
    """The name in a path that can lead to a role; empty where it needs none."""
    asked = canonical(path)
    return "" if asked in DEFAULT_PATHS else unquote(asked.rpartition("/")[2])


def _paths(named: dict[str, ServedRole], default: str) -> Iterator[tuple[str, ServedRole]]:
    for name, role in named.items():
        yield f"{CREDENTIALS_PATH}/{name}", role
    if default in named:
        yield from ((path, named[default]) for path in DEFAULT_PATHS)
