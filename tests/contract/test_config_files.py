"""botocore is the judge of AWS's config format: the same profiles and services out of the same bytes."""

from pathlib import Path
from typing import Any

import pytest
from botocore.configloader import load_config
from botocore.exceptions import ConfigParseError
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.settings.config_file import parse
from sidecar.settings.config_lines import MalformedFile

CORPUS = sorted((Path(__file__).parent / "config_files").glob("*.ini"))
GOOD = [path for path in CORPUS if not path.name.startswith("bad_")]
BAD = [path for path in CORPUS if path.name.startswith("bad_")]


def judged(path: Path) -> tuple[Any, Any]:
    loaded = load_config(str(path))
    return loaded["profiles"], loaded["services"]


def ours(content: bytes) -> tuple[Any, Any]:
    found = parse(content)
    return found.profiles, found.services


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_same_profiles_of_every_good_file(path: Path) -> None:
    assert ours(path.read_bytes()) == judged(path)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_file_that_it_refuses_is_refused(path: Path) -> None:
    with pytest.raises(ConfigParseError):
        judged(path)
    with pytest.raises(MalformedFile):
        ours(path.read_bytes())


def test_the_corpus_has_both_kinds() -> None:
    assert len(GOOD) > 10
    assert len(BAD) > 5


# --- made-up files ---------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["default", "reports", "a b", "two", '"two words"', "'q'", '"', "profile", "services", "x"])
KINDS = st.sampled_from(
    ["", "profile ", "profile  ", "profile\t", "profiles ", "services ", "sso-session ", "Profile "]
)
TITLES = st.builds("[{}{}]{}".format, KINDS, WORDS, st.sampled_from(["", " ", " # c", "x"]))
KEYS = st.sampled_from(["region", "Region", "role_arn", "s3", "sts", "services", "endpoint_url", "a:b", "output", "[x"])
VALUES = st.sampled_from(["", "x", "eu-central-1", "a = b", "x # y", "x ; y", "[default]", "%(x)s", "ü", '"q"', "a:b"])
EQUALS = st.sampled_from(["=", " = ", ":", " : ", "  =", "= ", ""])
INDENTS = st.sampled_from(["", "", "", " ", "    ", "\t"])
PAIRS = st.builds("{}{}{}{}".format, INDENTS, KEYS, EQUALS, VALUES)
OTHER = st.sampled_from(["", "   ", "# comment", "; comment", "  # comment", "\f", "=", "x", "[", "[]", "s3 =", "s3:"])
LINES = st.lists(st.one_of(TITLES, PAIRS, PAIRS, OTHER), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
FILES = st.builds(lambda lines, end: end.join(lines).encode(), LINES, ENDS)


def outcome(read: Any, *argument: Any) -> Any:
    try:
        return read(*argument)
    except (ConfigParseError, MalformedFile):
        return "refused"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config"


@given(FILES)
@example(b"[default]\ns3 =\n  a = b\n\n  c = d\nregion = x\n")
@example(b"[DEFAULT]\nregion = x\n[profile a]\n[default]\n")
def test_the_same_of_any_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert outcome(ours, content) == outcome(judged, file)


@given(st.binary(max_size=200))
def test_the_same_of_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert outcome(ours, content) == outcome(judged, file)


def complaint_about(content: bytes) -> str:
    try:
        parse(content)
    except MalformedFile as error:
        return str(error)
    return ""


@given(FILES)
def test_a_complaint_quotes_no_line(content: bytes) -> None:
    """A line may hold a key: of what stands in it nothing is repeated but section titles."""
    secret = b"wJalrXUtnFEMI/K7MDENG"
    for line in (secret, b"x = " + secret, secret + b" = x", b"  " + secret):
        for text in (content + b"\n" + line, line + b"\n" + content, content + b"\n" + line + b"\n" + line):
            assert secret.decode() not in complaint_about(text)
