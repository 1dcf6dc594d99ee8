"""The roles that a namespace gives its service accounts: a ConfigMap, asked for at the API server."""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from sidecar.core.model import Seconds
from sidecar.inject.names import ROLES

KEPT: Seconds = 1
"""How long an answer is good for: as long as an API server takes to follow a change itself."""
WITHIN: Seconds = 3
"""The API server gives the webhook 5 seconds."""
_FOUND, _MISSING = 200, 404

logger = logging.getLogger("sidecar.webhook.namespace_roles")


class RolesUnknown(Exception):
    """The API server did not tell. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where it is, and the directory with the service account's token and the CA: the kubelet replaces both."""

    url: str
    directory: Path

    @property
    def token(self) -> str:
        return (self.directory / "token").read_text().strip()

    @property
    def authorities(self) -> Path:
        return self.directory / "ca.crt"


def in_cluster(directory: Path) -> ApiServer | None:
    """The one that the kubelet tells each container of; None outside a cluster."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return None
    return ApiServer(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", directory)


class NamespaceRoles:
    """Asks the API server, at most once a second for each namespace. What is missing is asked for each time."""

    def __init__(self, api: ApiServer, http: aiohttp.ClientSession, clock: Callable[[], Seconds]) -> None:
        self._api = api
        self._http = http
        self._clock = clock
        self._known: dict[str, tuple[Seconds, Mapping[str, Any]]] = {}
        self._trusted: tuple[int, ssl.SSLContext] | None = None

    async def of(self, namespace: str) -> Mapping[str, Any]:
        """Roles by service account. Raises `RolesUnknown`."""
        now = self._clock()
        self._known = {name: known for name, known in self._known.items() if now - known[0] < KEPT}
        if namespace in self._known:
            return self._known[namespace][1]
        found = await self._ask(namespace)
        if found:
            self._known[namespace] = (now, found)
        return found

    async def _ask(self, namespace: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(WITHIN):
                return await self._get(f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{ROLES}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise self._unknown(namespace, _reason(error)) from None

    async def _get(self, path: str) -> Mapping[str, Any]:
        """Raises `ValueError` for an answer that is none."""
        headers = {"Authorization": f"Bearer {self._api.token}"}
        async with self._http.get(self._api.url + path, headers=headers, ssl=self._trust()) as answer:
            if answer.status == _MISSING:
                return {}
            if answer.status != _FOUND:
                raise ValueError(f"status {answer.status}")
            data = (await answer.json()).get("data")
        return data if isinstance(data, dict) else {}

    def _trust(self) -> ssl.SSLContext:
        """The same as long as the file is: connections are kept by it."""
        changed = self._api.authorities.stat().st_mtime_ns
        if self._trusted is None or self._trusted[0] != changed:
            self._trusted = (changed, ssl.create_default_context(cafile=self._api.authorities))
        return self._trusted[1]

    def _unknown(self, namespace: str, reason: str) -> RolesUnknown:
        logger.warning("roles of a namespace not readable", extra={"namespace": namespace, "reason": reason})
        return RolesUnknown(
            f"the webhook could not ask the API server for ConfigMap {namespace}/{ROLES} ({reason}); try again, or "
            "see the webhook's log"
        )


def _reason(error: Exception) -> str:
    """An answer's status, or what kind of failure it was: a library's text may quote what was sent."""
    return str(error) if type(error) is ValueError else type(error).__name__
