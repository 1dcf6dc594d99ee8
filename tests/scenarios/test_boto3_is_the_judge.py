"""An independent client proves the lab: boto3's own web identity provider gets in where it should, and AWS's error
where it should not. It finds the lab by the variables that the lab tells people to paste, and by nothing else."""

import asyncio
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.explain.asking import ROLE
from tests.explain.mistakes import MISTAKES, NOTHING_WRONG, Mistake
from tests.lab.worlds import a_lab
from tests.scenarios.rehearsal import Rehearsal


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


async def who_am_i(rehearsal: Rehearsal, variables: pytest.MonkeyPatch, directory: Path) -> str:
    token_file = directory / "token"
    token_file.write_text(rehearsal.token)
    variables.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token_file))
    variables.setenv("AWS_ROLE_ARN", rehearsal.mistake.role_arn)
    variables.setenv("AWS_ENDPOINT_URL_STS", rehearsal.world.lab.sts_url)
    session = boto3.Session()
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.method == "assume-role-with-web-identity"
    identity = await asyncio.to_thread(lambda: session.client("sts").get_caller_identity())
    return str(identity["Arn"])


async def test_a_good_token_gets_credentials_that_sign(variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(NOTHING_WRONG, world)
        arn = await who_am_i(rehearsal, variables, tmp_path)
    assert arn.startswith(ROLE.replace(":iam:", ":sts:").replace(":role/payments/", ":assumed-role/"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
async def test_a_bad_one_gets_awss_error(mistake: Mistake, variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(mistake, world)
        with pytest.raises(ClientError) as refused:
            await who_am_i(rehearsal, variables, tmp_path)
    answer = refused.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == mistake.aws
