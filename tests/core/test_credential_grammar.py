"""Times as credentials carry them, and nothing that a shell or a file could take for more."""

import pytest

from sidecar.core.credential_grammar import is_time


@pytest.mark.parametrize("text", ["2027-01-15T09:00:00Z", "2027-01-15T10:30:00+01:30", "2027-01-15T09:00:00.250Z"])
def test_every_iso_form_is_a_time(text: str) -> None:
    assert is_time(text)


@pytest.mark.parametrize("text", ["", "2027", "2027-01-15T09:00:00Z\nAWS_X=1", " 2027-01-15T09:00:00Z", "0" * 41, None])
def test_what_is_more_or_less_than_a_time_is_none(text: object) -> None:
    assert not is_time(text)
