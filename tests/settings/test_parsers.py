"""What a setting's text means, at the edges that the tests of `config` leave out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.authorization_token import MAXIMUM_TOKEN_LENGTH, checked_token, read_token
from sidecar.http.address_texts import addresses
from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.settings import parsers
from tests.doubles import KEY_CANARY


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parsers.seconds, "3600", 3600.0),
        (parsers.seconds, "0.25", 0.25),
        (parsers.session_duration, "900", 900),
        (parsers.session_duration, "43200", 43_200),
        (parsers.switch, " TRUE ", True),
        (parsers.switch, "false", False),
        (parsers.switch, "1", True),
        (parsers.switch, "Yes", True),
        (parsers.switch, "on", True),
        (parsers.switch, "0", False),
        (parsers.switch, "no", False),
        (parsers.switch, "off", False),
        (parsers.log_level, "WARN", "warning"),
        (parsers.log_format, "JSON ", "json"),
        (parsers.region, "us-east-1", "us-east-1"),
        (parsers.region, "lab", "lab"),
        (parsers.session_name, "ab", "ab"),
        (parsers.session_name, "a" * 64, "a" * 64),
        (parsers.endpoint_url, "https://[::1]:8443/sts", "https://[::1]:8443/sts"),
        (parsers.log_level, "Warning", "warning"),
    ],
)
def test_a_good_text_has_a_value(parse: Callable[[str], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parsers.seconds, "3600.1"),
        (parsers.seconds, "1e3"),
        (parsers.seconds, "٣"),
        (parsers.seconds, "inf"),
        (parsers.seconds, ""),
        (parsers.session_duration, "899"),
        (parsers.session_duration, "43201"),
        (parsers.session_duration, "3600.0"),
        (parsers.session_duration, "٩٠٠"),
        (parsers.session_duration, "+900"),
        (parsers.region, "eu-central-1\n"),
        (parsers.region, "-eu"),
        (parsers.region, "a.b"),
        (parsers.session_name, "a"),
        (parsers.session_name, "a" * 65),
        (parsers.session_name, "naïve"),
        (parsers.endpoint_url, "https://sts.example?x=1"),
        (parsers.endpoint_url, "https://sts.example#x"),
        (parsers.endpoint_url, "https://:443"),
        (parsers.endpoint_url, "https://sts.example:0"),
        (parsers.endpoint_url, "https://sts.example:x"),
        (parsers.endpoint_url, "https://[::1"),
        (parsers.endpoint_url, "ftp://sts.example"),
        (parsers.endpoint_url, "https://sts example"),
        (parsers.endpoint_url, "https://sts.example\n"),
        (parsers.endpoint_url, "https://sts.example/\udcff"),
        (parsers.file_path, "token"),
        (parsers.switch, ""),
        (parsers.switch, "2"),
        (parsers.switch, "t"),
    ],
)
def test_a_bad_text_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"; use |allowed|absolute|neither"):
        parse(text)


# --- addresses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", TcpAddress("127.0.0.1", 0)),
        ("localhost:80", TcpAddress("localhost", 80)),
        ("[::1]:65535", TcpAddress("::1", 65_535)),
        ("[FD00:EC2::0:23]:80", TcpAddress("fd00:ec2::23", 80)),
        ("unix:/run/a.sock", UnixAddress(Path("/run/a.sock"))),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert addresses(text) == (address,)


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "127.0.0.1:", "host.example:80", "unix:a.sock", "127.0.0.1:65536", "127.0.0.1:-1", ":80"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address to listen on"):
        addresses(text)


def test_one_bad_address_among_good_ones_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an address to listen on"):
        addresses("127.0.0.1:80,")


HOSTS = st.ip_addresses().map(str) | st.just("localhost")
ADDRESSES = st.builds(TcpAddress, HOSTS, st.integers(0, 65_535)) | st.just(UnixAddress(Path("/run/a.sock")))


@given(st.lists(ADDRESSES, min_size=1))
def test_addresses_are_read_back_as_they_are_shown(some: list[Address]) -> None:
    assert addresses(", ".join(str(address) for address in some)) == tuple(some)


# --- authorization tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b" \n"])
def test_a_tokens_last_newline_is_an_editors_and_not_the_tokens(tmp_path: Path, ending: bytes) -> None:
    file = tmp_path / "auth"
    file.write_bytes(b"token" + ending)
    assert read_token(file) == "token"


@pytest.mark.parametrize("token", ["a", "Bearer x", "~" * MAXIMUM_TOKEN_LENGTH])
def test_what_a_header_can_carry_is_a_token(token: str) -> None:
    assert checked_token(token) == token


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "empty"),
        (" ", "white space"),
        ("a\n", "white space"),
        ("a\nb", "HTTP headers do not allow"),
        ("a\0b", "HTTP headers do not allow"),
        ("ä", "HTTP headers do not allow"),
        ("~" * (MAXIMUM_TOKEN_LENGTH + 1), "longer than 4096"),
    ],
)
def test_what_a_header_cannot_carry_is_no_token(token: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked_token(token)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "HTTP headers do not allow"),
        (b"a" * 10_000_000, "longer than 4096"),
        (b"a\nb", "HTTP headers do not allow"),
    ],
)
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "auth"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=why):
        read_token(file)


@given(st.text().map(lambda text: f"{text}{KEY_CANARY}{text}"))
def test_no_refusal_quotes_the_token(token: str) -> None:
    try:
        said = parsers.authorization_token(token).replace(token, "")
    except ValueError as error:
        said = str(error)
    assert KEY_CANARY not in said
