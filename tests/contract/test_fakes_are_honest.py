"""The broker's tests are worth what their fakes are: the same promises, held by the fake and by the real thing."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from sidecar.core.errors import TokenUnreadable
from sidecar.core.model import Token
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import TokenSource
from tests.doubles import FakeTokens, a_token
from tests.kubelet import ProjectedVolume


class Hand(Protocol):
    """What changes the file behind a token source."""

    def rotate(self, token: Token) -> object: ...
    def remove(self) -> None: ...


class RealHand:
    def __init__(self, volume: ProjectedVolume) -> None:
        self.remove = volume.remove
        self._volume = volume

    def rotate(self, token: Token) -> None:
        self._volume.write(token.raw)


def faked(_mount: Path) -> tuple[TokenSource, Hand]:
    tokens = FakeTokens(None)
    return tokens, tokens


def real(mount: Path) -> tuple[TokenSource, Hand]:
    volume = ProjectedVolume(mount)
    return TokenFile(volume.path), RealHand(volume)


Made = Callable[[Path], tuple[TokenSource, Hand]]
both = pytest.mark.parametrize("made", [faked, real])


@both
async def test_nothing_is_current_before_the_first_look(made: Made, tmp_path: Path) -> None:
    source, _hand = made(tmp_path)
    assert source.current.value is None


@both
async def test_what_is_read_is_what_was_written_last_and_becomes_current(made: Made, tmp_path: Path) -> None:
    source, hand = made(tmp_path)
    for token in (a_token(), a_token()):
        hand.rotate(token)
        read = await source.read()
        assert (read, read.claims) == (token, token.claims)
        assert source.current.value == token


@both
async def test_a_missing_file_is_unreadable_and_nothing_is_current(made: Made, tmp_path: Path) -> None:
    source, hand = made(tmp_path)
    with pytest.raises(TokenUnreadable):
        await source.read()
    hand.rotate(a_token())
    await source.read()
    hand.remove()
    with pytest.raises(TokenUnreadable):
        await source.read()
    assert source.current.value is None
