"""A real SDK gets its credentials by every face, and AWS (the lab) knows who it is."""

import asyncio
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from sidecar.core.refresh import RefreshPolicy
from tests.e2e.legacy import WITHOUT_A_TOKEN, a_legacy_pod
from tests.lab.worlds import ROLE
from tests.needs import on_linux
from tests.waiting import HANGS_AFTER

ME = re.compile(r"arn:aws:sts::111122223333:assumed-role/demo/\S+ ([a-z-]+)")
SIDECAR = (sys.executable, "-m", "sidecar")
ROOT = Path(__file__).parent.parent.parent


def found_by(said: str) -> str:
    """How the SDK found the credentials that made it the role."""
    known = ME.fullmatch(said)
    assert known, said
    return known[1]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_boto3_by_imdsv2_whether_or_not_the_endpoint_ends_in_a_slash(tmp_path: Path, slash: str) -> None:
    async with a_legacy_pod(tmp_path) as pod:
        said = await pod.who_am_i(AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{pod.imds}{slash}")
        page = await pod.metrics()
    assert found_by(said) == "iam-role"
    assert 'irsa_sidecar_client_requests_total{face="imds",major="1",sdk="boto3"}' in page


async def test_botocores_imdsv1_once_it_is_on_and_not_before(tmp_path: Path) -> None:
    async with a_legacy_pod(tmp_path / "on", SIDECAR_IMDS_V1="true") as pod:
        said = await pod.who_am_i(WITHOUT_A_TOKEN, AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{pod.imds}")
        page = await pod.metrics()
    assert found_by(said) == "iam-role"
    assert 'irsa_sidecar_client_requests_total{face="imds-v1",major="1",sdk="boto3"}' in page
    async with a_legacy_pod(tmp_path / "off") as pod:
        said = await pod.who_am_i(WITHOUT_A_TOKEN, AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{pod.imds}")
    assert "NoneType" in said or "NoCredentialsError" in said


async def test_boto3_by_the_container_endpoint_is_counted_as_the_library_that_asks(tmp_path: Path) -> None:
    async with a_legacy_pod(tmp_path) as pod:
        said = await pod.who_am_i(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{pod.container}/v1/credentials")
        page = await pod.metrics()
    assert found_by(said) == "container-role"
    assert 'irsa_sidecar_client_requests_total{face="container",major="2",sdk="python-urllib3"}' in page


async def test_on_the_ecs_listener_no_token_is_asked_for_though_one_is_set(tmp_path: Path) -> None:
    async with (
        a_legacy_pod(tmp_path, SIDECAR_AUTH_TOKEN="a-token") as pod,
        aiohttp.ClientSession() as http,
    ):
        async with http.get(f"http://{pod.container}/v1/credentials") as refused:
            assert refused.status == 401
        async with http.get(f"http://{pod.ecs}/v1/credentials") as served:
            assert (served.status, (await served.json(content_type=None))["Code"]) == (200, "Success")


async def test_boto3_by_credential_process_with_a_sidecar_and_without(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {' '.join(SIDECAR)} credential-process\n")
    async with a_legacy_pod(tmp_path) as pod:
        asking = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}
        assert found_by(await pod.who_am_i(**asking, SIDECAR_LISTEN=pod.container)) == "custom-process"
        # The two variables would make boto3 do the exchange itself, so here the command is asked on its own.
        code, out, _ = await pod.run(
            *(*SIDECAR, "credential-process"),
            SIDECAR_LISTEN="127.0.0.1:1",
            AWS_ROLE_ARN=ROLE,
            AWS_WEB_IDENTITY_TOKEN_FILE=str(pod.token_file),
            PYTHONPATH=str(ROOT),
        )
        assert code == 0
        given = json.loads(out)
        said = await pod.who_am_i(
            AWS_ACCESS_KEY_ID=given["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=given["SecretAccessKey"],
            AWS_SESSION_TOKEN=given["SessionToken"],
        )
    assert found_by(said) == "env"


async def test_boto3_by_exec_with_a_sidecar_and_without(tmp_path: Path) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'], 'exec')"
    async with a_legacy_pod(tmp_path) as pod:
        for environ in (
            {"SIDECAR_LISTEN": pod.container},
            {
                "SIDECAR_LISTEN": "127.0.0.1:1",
                "AWS_ROLE_ARN": ROLE,
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(pod.token_file),
            },
        ):
            command = (*SIDECAR, "exec", "--", sys.executable, "-c", script)
            code, out, errors = await pod.run(*command, PYTHONPATH=str(ROOT), **environ)
            assert (code, errors) == (0, "")
            assert found_by(out) == "exec"


async def test_boto3_by_the_file_which_follows_each_refresh_and_goes_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    on = {
        "SIDECAR_CREDENTIALS_FILE": str(file),
        "SIDECAR_CREDENTIALS_FILE_PROFILE": "registry",
        "SIDECAR_CREDENTIALS_FILE_REMOVE": "true",
    }
    # A floor of all but a second: refreshes as fast as the lab's sessions can be told apart.
    eager = RefreshPolicy(floor_share=3599 / 3600, jitter_share=0)
    async with a_legacy_pod(tmp_path, eager, **on) as pod:
        said = await pod.who_am_i(AWS_SHARED_CREDENTIALS_FILE=str(file), AWS_PROFILE="registry")
        first = await _another_key_than("", file)
        assert await _another_key_than(first, file)
        page = await pod.metrics()
    assert found_by(said) == "shared-credentials-file"
    assert 'irsa_sidecar_credentials_file_writes_total{outcome="failed"} 0.0' in page
    assert not file.exists()


async def _another_key_than(known: str, file: Path) -> str:
    async with asyncio.timeout(HANGS_AFTER):
        while True:
            read = configparser.RawConfigParser()
            read.read_string(file.read_text() if file.exists() else "[registry]\naws_access_key_id =")
            if (key := read["registry"]["aws_access_key_id"]) != known:
                return key
            await asyncio.sleep(0.05)


async def test_a_file_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    async with a_legacy_pod(tmp_path, SIDECAR_CREDENTIALS_FILE=str(tmp_path / "nowhere" / "credentials")) as pod:
        said = await pod.who_am_i(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{pod.container}/v1/credentials")
        page = await pod.metrics()
    assert found_by(said) == "container-role"
    assert 'irsa_sidecar_credentials_file_writes_total{outcome="failed"} 1.0' in page


# --- the link-local addresses themselves -------------------------------------------------------------------------


def the_init_container() -> dict[str, Any]:
    block = re.search(r"<!-- link-local -->\n```yaml\n(.*?)```", (ROOT / "docs" / "ways.md").read_text(), re.DOTALL)
    assert block
    (container,) = yaml.safe_load(block[1])["initContainers"]
    assert isinstance(container, dict)
    return container


def test_the_init_container_has_one_capability_and_no_more() -> None:
    context = the_init_container()["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert context["allowPrivilegeEscalation"] is False
    assert "privileged" not in context


@on_linux
def test_boto3_finds_both_link_local_addresses_after_the_readmes_init_step(tmp_path: Path) -> None:
    *shell, script = the_init_container()["command"]
    assert shell == ["sh", "-c"]
    namespace = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no network namespaces")
    # Twice: the kubelet may run an init container again.
    commands = f'ip link set lo up && {{ {script}; }} && {{ {script}; }} && exec "$@"'
    program = [sys.executable, "-m", "tests.e2e.legacy", str(tmp_path)]
    ended = subprocess.run(
        [*namespace, "sh", "-ec", commands, "sh", *program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert {face: found_by(text) for face, text in said.items()} == {
        "imds": "iam-role",
        "imds-v1": "iam-role",
        "ecs": "container-role",
    }
