"""Wraps a face and reports the protocol and the client of each request, so that operators see who needs the sidecar."""

from collections.abc import Callable
from typing import Protocol

from sidecar.http.messages import Face, Reply, Request


class ClientObserver(Protocol):
    """Sees each request's face and its User-Agent, None where there is none. Must not raise nor wait."""

    def __call__(self, face: str, user_agent: str | None) -> None: ...


class CountedFace:
    """`face`, with each of its requests shown to `observe`. `protocol`: names the face of a request, if it has two."""

    def __init__(self, face: Face, observe: ClientObserver, protocol: Callable[[Request], str] | None = None) -> None:
        self._face = face
        self._observe = observe
        self._protocol = protocol or (lambda _: face.name)

    @property
    def name(self) -> str:
        return self._face.name

    def answer(self, request: Request) -> Reply:
        self._observe(self._protocol(request), request.headers.get("user-agent"))
        return self._face.answer(request)
