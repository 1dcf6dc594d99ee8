"""From a role's settings to the source of its credentials: the one place that knows every kind."""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sidecar.core.ports import Clock, CredentialSource
from sidecar.core.variables import AUTHORIZATION_FILE
from sidecar.settings.roles import ChainSettings, ContainerSettings, RoleSettings, WebIdentitySettings
from sidecar.sources.base_role import BaseByName, BrokerOf
from sidecar.sources.file_watch import FileWatch, WatchedFile
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import WebIdentity, web_identity_exchange
from sidecar.sts.exchange import SkewObserver, StsExchange, sts_session
from sidecar.sts.post import StsPost, the_sessions_own
from sidecar.sts.trusted_authorities import TrustedAuthorities


class RoleSources:
    """Makes each role's source. What roles have in common they share: the HTTP client, CAs, token files, their watch.

    `broker_of`: finds the base of a chain.
    """

    def __init__(self, http: aiohttp.ClientSession, clock: Clock, broker_of: BrokerOf) -> None:
        self._http = http
        self._clock = clock
        self._broker_of = broker_of
        self._token_files: dict[Path, TokenFile] = {}
        self._authorities: dict[Path | None, TrustedAuthorities] = {}
        self._also_watched: tuple[WatchedFile, ...] = ()
        self.watch = FileWatch()

    def source(self, role: RoleSettings, observe_skew: SkewObserver) -> CredentialSource:
        """Raises `OSError` where the CAs to trust cannot be read."""
        match role.source:
            case WebIdentitySettings() as settings:
                return self._web_identity(settings, observe_skew)
            case ChainSettings() as settings:
                return self._chain(settings, observe_skew)
            case ContainerSettings() as settings:
                return self._container(settings)

    def keep_only(self, roles: Iterable[RoleSettings]) -> None:
        """Forget, and watch no more, what none of these roles needs."""
        kept = tuple(roles)
        files = {role.token_file for role in kept}
        bundles = {role.ca_bundle for role in kept}
        self._token_files = {path: file for path, file in self._token_files.items() if path in files}
        self._authorities = {path: trust for path, trust in self._authorities.items() if path in bundles}
        self._watch()

    def also_watch(self, file: WatchedFile) -> None:
        """Beside the roles' tokens."""
        self._also_watched = (*self._also_watched, file)
        self._watch()

    def _watch(self) -> None:
        self.watch.set_files((*self._also_watched, *self._token_files.values()))

    def _web_identity(self, settings: WebIdentitySettings, observe_skew: SkewObserver) -> CredentialSource:
        trust, clock = self._trust(settings.sts.ca_bundle), self._clock
        exchange = web_identity_exchange(
            settings, lambda call: StsExchange(self._http, call, clock, observe_skew, trust), clock
        )
        return WebIdentity(self._token_file(settings.token_file, settings.token_file_key), exchange, clock)

    def _chain(self, settings: ChainSettings, observe_skew: SkewObserver) -> CredentialSource:
        from sidecar.sources.chain import chained_role  # noqa: PLC0415 (5 MiB of a signer that only chains need)

        post = StsPost(self._http, self._clock, self._trust(settings.sts.ca_bundle))
        base = BaseByName(settings.base, self._broker_of)
        return chained_role(settings, base, post, self._clock, observe_skew)

    def _container(self, settings: ContainerSettings) -> CredentialSource:
        from sidecar.sources.container import container_source  # noqa: PLC0415 (few need it)

        file = settings.token_file
        tokens = None if file is None else self._token_file(file, AUTHORIZATION_FILE)
        trust = self._trust(settings.ca_bundle) if settings.is_encrypted else the_sessions_own
        return container_source(settings, tokens, self._http, self._clock, trust)

    def _token_file(self, path: Path, variable: str) -> TokenFile:
        return self._token_files.setdefault(path, TokenFile(path, variable))

    def _trust(self, bundle: Path | None) -> TrustedAuthorities:
        if bundle not in self._authorities:
            self._authorities[bundle] = TrustedAuthorities(bundle)
        return self._authorities[bundle]


@asynccontextmanager
async def role_sources(clock: Clock, broker_of: BrokerOf) -> AsyncIterator[RoleSources]:
    """For as long as the block lasts. Each call says itself whom it trusts; one that did not would trust nobody."""
    async with sts_session(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as http:
        yield RoleSources(http, clock, broker_of)
