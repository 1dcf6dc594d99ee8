"""What an application's authorization token may look like, in a variable and in a file."""

import os
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.authorization_token import MAXIMUM_TOKEN_LENGTH, checked_token, read_token

LONGEST = "t" * MAXIMUM_TOKEN_LENGTH


def test_the_longest_token_is_taken_and_one_character_more_is_not(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(LONGEST)
    assert checked_token(LONGEST) == read_token(file) == LONGEST
    file.write_text(f"{LONGEST}t")
    with pytest.raises(ValueError, match=r"^it is longer than 4096 characters$"):
        checked_token(f"{LONGEST}t")
    with pytest.raises(ValueError, match=r"^it is longer than 4096 characters$"):
        read_token(file)


def test_a_file_that_is_swapped_while_it_is_opened_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kubelet does it with a Secret's: refused then, a client with the new token would be wrong."""
    file, opened = tmp_path / "token", os.open
    file.write_text("token")

    def swapped(*arguments: Any) -> int:
        monkeypatch.setattr(os, "open", opened)
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", swapped)
    assert read_token(file) == "token"
