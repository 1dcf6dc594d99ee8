"""Pages that are written anew only when they are old: writing takes milliseconds, and the whole cluster may ask."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from sidecar.core.model import Instant, Seconds
from sidecar.core.others_first import others_first
from sidecar.core.ports import Clock
from sidecar.http.messages import Reply, Response

PAGE_LASTS: Seconds = 0.25


class Shared:
    """A page that is written at once. Nobody else is served meanwhile."""

    def __init__(self, clock: Clock, write: Callable[[str], Response]) -> None:
        self._written = _Written(clock)
        self._write = write

    def __call__(self, form: str = "") -> Response:
        """The page in this form, of which there are few."""
        if (lately := self._written.lately(form)) is not None:
            return lately
        self._written.forget_old()
        return self._written.now(form, self._write(form))


class SharedInSteps:
    """A page that is written in steps, between which others are served; once, however many ask at a time."""

    def __init__(
        self, clock: Clock, steps: Callable[[str], Iterator[bytes]], headers: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._written = _Written(clock)
        self._steps = steps
        self._headers = headers
        self._turn = asyncio.Lock()

    def __call__(self, form: str = "") -> Reply:
        """The page in this form, of which there are few."""
        return self._written.lately(form) or self._write(form)

    async def _write(self, form: str) -> Response:
        async with self._turn:
            if (lately := self._written.lately(form)) is not None:
                return lately
            page = bytearray()
            for part in self._steps(form):
                page += part
                await others_first()
            asyncio.get_running_loop().call_later(PAGE_LASTS, self._written.forget_old)
            return self._written.now(form, Response(200, bytes(page), self._headers(form)))


class _Written:
    """The pages, and when each was written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[str, tuple[Instant, Response]] = {}

    def lately(self, form: str) -> Response | None:
        at, page = self._pages.get(form, (0.0, None))
        return page if self._clock.now() < at + PAGE_LASTS else None

    def forget_old(self) -> None:
        """With fifty roles a page has a quarter of a megabyte, and scrapes are a minute apart."""
        oldest = self._clock.now() - PAGE_LASTS
        self._pages = {form: written for form, written in self._pages.items() if written[0] > oldest}

    def now(self, form: str, page: Response) -> Response:
        self._pages[form] = self._clock.now(), page
        return page
