"""The whole way with real tokens: asked for as the kubelet does, verified as AWS does, exchanged by the real sidecar.

The cluster is a self-hosted one: its issuer is a public place, to which the API server's two documents were copied.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.lab.cli.export import JWKS_FILE, documents_for
from tests.kubernetes.account import FAILURES, FULL_URI, REGION, TOKEN_EXPIRES, WHO, Account, a_sidecar, an_account
from tests.kubernetes.api import Api
from tests.kubernetes.cluster import Cluster, with_a_new_key
from tests.kubernetes.real_tokens import KEYS, RunningPod, claims_of, project, publish


@pytest.fixture
async def account(api: Api, cluster: Cluster, pod: RunningPod, tmp_path: Path) -> AsyncIterator[Account]:
    await publish(api, cluster.bucket)
    async with an_account(tmp_path, cluster.bucket, pod) as found:
        yield found


async def test_an_application_gets_credentials_for_a_real_token(
    account: Account, pod: RunningPod, tmp_path: Path
) -> None:
    async with a_sidecar(account, project(tmp_path / "volume", await pod.token())) as sidecar:
        assert await sidecar.who_am_i() == (0, f"is {WHO}/{pod.namespace}.{pod.name}\n")


async def test_the_sidecar_goes_on_when_the_kubelet_rotates_the_token(
    account: Account, pod: RunningPod, tmp_path: Path
) -> None:
    async with a_sidecar(account, project(tmp_path / "volume", await pod.token())) as sidecar:
        rotated = await pod.token(seconds=7200)
        project(tmp_path / "volume", rotated)
        await sidecar.until(TOKEN_EXPIRES, claims_of(rotated)["exp"])
        await sidecar.more_exchanges(1)

        assert (await sidecar.who_am_i())[0] == 0
        assert await sidecar.metric(FAILURES) == 0


async def test_the_sidecar_goes_on_when_the_cluster_rotates_its_signing_key(
    account: Account, cluster: Cluster, pod: RunningPod, tmp_path: Path
) -> None:
    async with (
        a_sidecar(account, project(tmp_path / "volume", await pod.token())) as sidecar,
        with_a_new_key(cluster, tmp_path / "apiserver") as newer,
        newer.api() as api,
    ):
        # Both keys are published, then the new one signs, then the kubelet fetches a token. The old key goes last.
        await publish(api, cluster.bucket)
        assert len((await api.get(KEYS))["keys"]) == 2
        rotated = await replace(pod, api=api).token(seconds=7200)
        project(tmp_path / "volume", rotated)
        await sidecar.until(TOKEN_EXPIRES, claims_of(rotated)["exp"])
        alone = documents_for(cluster.bucket.url, [newer.public_keys[0].read_bytes()])[JWKS_FILE]
        cluster.bucket.publish(KEYS, json.dumps(alone).encode())
        await sidecar.more_exchanges(2)  # the first may still meet the keys that STS has kept

        assert (await sidecar.who_am_i())[0] == 0
        assert await sidecar.metric(FAILURES) == 0


async def test_the_doctor_passes_every_link_of_the_chain(account: Account, pod: RunningPod, tmp_path: Path) -> None:
    token_file = project(tmp_path / "volume", await pod.token())
    async with a_sidecar(account, token_file) as sidecar:
        app = tmp_path / "app.env"
        region = "".join(f"{name}={REGION}\n" for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        app.write_text(f"{FULL_URI}={sidecar.uri}\nAWS_EC2_METADATA_DISABLED=true\n{region}")

        code, findings = await account.doctor(token_file, "--app-env", str(app), **sidecar.listen)

    assert {check: level for check, level in findings.items() if level != "pass"} == {}
    assert code == 0
    assert {"issuer-discovery", "issuer-keys", "exchange", "caller-identity", "sidecar-credentials"} <= findings.keys()


async def test_explain_lets_the_pods_token_in(account: Account, pod: RunningPod, tmp_path: Path) -> None:
    code, told = await account.explain(project(tmp_path / "volume", await pod.token()))

    assert (code, told["verdict"]) == (0, "allow")


async def test_doctor_and_explain_know_the_api_servers_own_token_which_sts_refuses(
    account: Account, pod: RunningPod, tmp_path: Path
) -> None:
    token_file = project(tmp_path / "volume", await pod.token("https://kubernetes.default.svc"))

    code, told = await account.explain(token_file, "--client-id", "sts.amazonaws.com")
    _, findings = await account.doctor(token_file)

    assert (code, told["aws_code"]) == (1, "InvalidIdentityToken")
    assert "api-token" in [finding["code"] for finding in told["findings"]]
    assert (findings["token-audience"], findings["exchange"]) == ("fail", "fail")
    assert (findings["issuer-keys"], findings["token-life"]) == ("pass", "pass")
