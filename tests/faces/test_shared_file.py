"""The shared credentials file's text, read by the reader that most programs have."""

import configparser
from pathlib import Path

import botocore.session
import pytest

from sidecar.faces.shared_file import shared_file
from tests.doubles import KEY_CANARY, SESSION_CANARY, credentials


@pytest.mark.parametrize("profile", ["default", "registry", "a.b@c+d=e-f"])
def test_it_holds_one_profile_with_the_token_under_both_names(profile: str) -> None:
    held = credentials()
    read = configparser.RawConfigParser()
    read.read_string(shared_file({profile: held}).decode())
    assert read.sections() == [profile]
    assert dict(read[profile]) == {
        "aws_access_key_id": held.access_key_id,
        "aws_secret_access_key": KEY_CANARY,
        "aws_session_token": SESSION_CANARY,
        "aws_security_token": SESSION_CANARY,
    }


def test_botocore_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = credentials()
    file = tmp_path / "credentials"
    file.write_bytes(shared_file({"registry": held}))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    read = botocore.session.Session(profile="registry").get_credentials()
    assert (read.method, read.access_key, read.token) == ("shared-credentials-file", held.access_key_id, SESSION_CANARY)
