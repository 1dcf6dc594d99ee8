"""The request to a container-credentials endpoint, and its answer: one GET, every failure named."""

import aiohttp

from sidecar.core.claims import NO_CLAIMS, unverified_claims
from sidecar.core.errors import StsUnavailable
from sidecar.core.model import Credentials, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.core.watched import Watched, WatchedValue
from sidecar.sources.container_answer import credentials_in
from sidecar.sources.container_refusal import AskedEndpoint, failure_of, unreachable
from sidecar.sts.answer import MAXIMUM_ANSWER, Answer, http_date
from sidecar.sts.plausibility import Clocks, DateSeen, Presented, ServerClock
from sidecar.sts.post import Trust, the_sessions_own
from sidecar.sts.progress import CallProgress
from sidecar.sts.route import Route
from sidecar.sts.transport_failures import FailedCall

_OK = 200


class FixedToken:
    """The `AuthorizationSource` of a token that is in a variable, or of none."""

    def __init__(self, text: str | None) -> None:
        self._current = WatchedValue(None if text is None else Token(text, unverified_claims(text)))

    @property
    def current(self) -> Watched[Token | None]:
        return self._current

    async def read(self) -> Token | None:
        return self._current.value


class ContainerCall:
    """The `AskEndpoint` of production. No proxy stands in between: these endpoints are of this machine or this node."""

    def __init__(self, http: aiohttp.ClientSession, url: str, clock: Clock, trust: Trust = the_sessions_own) -> None:
        self._http = http
        self._endpoint = AskedEndpoint(url)
        self._clock = clock
        self._trust = trust
        self._server_clock = ServerClock()

    async def __call__(self, token: Token | None, /) -> Credentials:
        asked_at, asked_at_wall = self._clock.now(), self._clock.wall()
        answer = await self._answer(token)
        if answer.status != _OK:
            now = asked_at_wall if answer.date is None else answer.date
            raise failure_of(answer, self._endpoint, claims=None if token is None else token.claims, now=now)
        seen = None if answer.date is None else DateSeen(answer.date, asked_at)
        self._clocks(asked_at_wall, answer, seen).check(Presented.of_token(token.claims if token else NO_CLAIMS))
        found = credentials_in(answer, self._endpoint.answerer, asked_at=asked_at, asked_at_wall=asked_at_wall)
        self._server_clock.take(seen)
        return found

    def _clocks(self, wall: UnixTime, answer: Answer, seen: DateSeen | None) -> Clocks:
        return Clocks(wall, answer.date, self._server_clock.expected(seen), of=self._endpoint.answerer)

    async def _answer(self, token: Token | None) -> Answer:
        """Raises `EndpointUnreachable`, saying which part of the way failed."""
        progress = CallProgress()
        try:
            return await self._ask(token, progress)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            route = Route(self._endpoint.origin)
            failed = FailedCall(route, self._clock.wall(), connected=progress.connected)
            raise unreachable(self._endpoint, failed.explained(error)) from None
        except StsUnavailable:  # of the connection, which takes in only so much
            raise self._endpoint.answerer.sent(f"more than {MAXIMUM_ANSWER} bytes") from None

    async def _ask(self, token: Token | None, progress: CallProgress) -> Answer:
        headers = {"Accept": "application/json"} | ({} if token is None else {"Authorization": token.raw})
        async with self._http.get(
            self._endpoint.url,
            headers=headers,
            ssl=await self._trust(),
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            return Answer(
                status=response.status,
                body=await self._body(response),
                date=http_date(response.headers.get("Date")),
            )

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(MAXIMUM_ANSWER):
            body += chunk
            if len(body) > MAXIMUM_ANSWER:
                raise self._endpoint.answerer.sent(f"more than {MAXIMUM_ANSWER} bytes")
        return bytes(body)
