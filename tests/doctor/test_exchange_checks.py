"""The exchange and the identity, against an STS that is scripted."""

import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.core.findings import Finding
from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.doctor import exchange
from sidecar.explain import PolicyText
from sidecar.settings.roles import StsConnection
from tests.doctor.servers import Page, a_server
from tests.doctor.snapshots import a_pod, outcome, written
from tests.doubles import KEY_CANARY, SESSION_CANARY
from tests.explain.asking import ROLE, equals, policy, statement
from tests.free_ports import free_port


def refusal(code: str, message: str) -> Page:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Page(f"<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>".encode(), status=403)


async def exchanged(tmp_path: Path, http: aiohttp.ClientSession, page: Page, **more: Any) -> list[Finding]:
    async with a_server({"/": page}) as url:
        pod = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": url}, **more)
        return list((await exchange.exchange(pod, http)).findings)


async def test_a_refusal_is_told_with_aws_code_and_our_words(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await exchanged(tmp_path, http, refusal("Throttling", "Rate exceeded"))

    assert [outcome(finding) for finding in found] == [("exchange", "fail")]
    assert found[0].saw == "403 Throttling, “Rate exceeded”, request r-1"


async def test_stss_own_words_are_short_and_quote_no_token(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    file = written(tmp_path)
    head, claims, signature = file.read_text().split(".")
    words = f"{head}.{claims} {signature} Value 'canary' at 'webIdentityToken' {'long ' * 200}"

    found = await exchanged(tmp_path, http, refusal("ValidationError", words))

    assert not [part for part in (head, claims, signature, "canary") if part in str(found)]
    assert len(found[0].saw) < 400


async def test_a_denial_without_a_trust_policy_asks_for_one(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await exchanged(tmp_path, http, refusal("AccessDenied", "Not authorized"))

    assert [outcome(finding) for finding in found] == [("exchange", "fail"), ("explain", "skip")]
    assert "aws iam get-role --role-name api" in found[1].fix


async def test_a_denial_with_a_trust_policy_is_explained(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    wrong = policy(statement(Condition=equals("system:serviceaccount:payment:api")))

    found = await exchanged(tmp_path, http, refusal("AccessDenied", "Not authorized"), policy=PolicyText(wrong))

    assert [(*outcome(finding), finding.saw) for finding in found[1:]] == [("explain", "fail", "subject-differs")]


async def test_a_denial_of_what_is_right_is_out_of_sight(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await exchanged(tmp_path, http, refusal("AccessDenied", "Not authorized"), policy=PolicyText(policy()))

    assert outcome(found[1]) == ("explain", "warn")
    assert "RCPs" in found[1].fix


async def test_nobody_listening_is_told_as_the_sidecar_tells_it(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    pod = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{free_port()}"})

    found = await exchange.exchange(pod, http)

    assert [(finding.code, finding.saw) for finding in found.findings] == [("exchange", "StsUnreachable")]


async def test_without_token_or_settings_nothing_is_exchanged(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await exchange.exchange(await a_pod(tmp_path / "missing"), http)

    assert [outcome(finding) for finding in found.findings] == [("exchange", "skip")]


ANSWER = f"""<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/api/shop</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE</AccessKeyId><SecretAccessKey>{KEY_CANARY}</SecretAccessKey>
<SessionToken>{SESSION_CANARY}</SessionToken><Expiration>{timestamp(time.time() + 3600)}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


async def test_what_was_issued_is_told_without_a_secret(
    tmp_path: Path, http: aiohttp.ClientSession, canary: Any
) -> None:
    async with a_server({"/": Page(ANSWER.encode())}) as url:
        pod = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": url})
        found = await exchange.exchange(pod, http)

    assert [outcome(finding) for finding in found.findings] == [("exchange", "pass")]
    assert "assumed-role/api/s" in found.findings[0].saw
    canary.saw(found, pod)


@pytest.mark.parametrize(
    ("arn", "level"),
    [
        ("arn:aws:sts::111122223333:assumed-role/api/s", "pass"),
        ("arn:aws:sts::111122223333:assumed-role/node/i-1", "fail"),
        ("arn:aws:sts::999999999999:assumed-role/api/s", "fail"),
        ("arn:aws:iam::111122223333:user/api", "fail"),
        ("nonsense", "fail"),
    ],
)
async def test_who_a_real_sdk_is_then_is_compared_with_the_role(
    tmp_path: Path, http: aiohttp.ClientSession, arn: str, level: str
) -> None:
    result = f"<GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult>"
    said = f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"
    pages = {"/": Page(ANSWER.encode())}
    async with a_server(pages) as url:
        pod = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": url})
        credentials = (await exchange.exchange(pod, http)).credentials
        pages["/"] = Page(said.encode())
        finding = await exchange.identity(pod, credentials)

    assert outcome(finding) == ("caller-identity", level)


async def test_a_real_sdk_signs_for_the_region_of_the_endpoint_that_it_asks(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile's region may be another than the pod's: STS refuses a signature for the wrong one."""
    asked: list[tuple[str, str]] = []

    def caller(sts: StsConnection, _: Credentials, region: str) -> str:
        asked.append((sts.endpoint, region))
        return "nonsense"

    monkeypatch.setattr(exchange, "_caller", caller)
    config = tmp_path / "config"
    config.write_text(f"[profile api]\nrole_arn = {ROLE}\nregion = eu-central-1\n")
    profile = {"AWS_CONFIG_FILE": str(config), "SIDECAR_DEFAULT_PROFILE": "api", "AWS_ROLE_ARN": ""}
    async with a_server({"/": Page(ANSWER.encode())}) as url:
        of_the_lab = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": url})
        credentials = (await exchange.exchange(of_the_lab, http)).credentials
    await exchange.identity(await a_pod(written(tmp_path), profile), credentials)

    assert asked == [("https://sts.eu-central-1.amazonaws.com", "eu-central-1")]


async def test_another_server_is_not_asked_what_it_may_not_know(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    unnamed = re.sub("<Arn>.*</Arn>", "<Arn></Arn>", ANSWER)
    async with a_server({"/": Page(unnamed.encode())}) as url:
        of_minio = {"AWS_ENDPOINT_URL_STS": url, "AWS_ROLE_ARN": "arn:minio:iam:::role/x"}
        pod = await a_pod(written(tmp_path), of_minio)
        finding = await exchange.identity(pod, (await exchange.exchange(pod, http)).credentials)

    assert outcome(finding) == ("caller-identity", "skip")


async def test_credentials_that_a_real_sdk_cannot_use_fail(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    pages = {"/": Page(ANSWER.encode())}
    async with a_server(pages) as url:
        pod = await a_pod(written(tmp_path), {"AWS_ENDPOINT_URL_STS": url})
        credentials = (await exchange.exchange(pod, http)).credentials
        pages["/"] = refusal("InvalidClientTokenId", "The security token included in the request is invalid")
        finding = await exchange.identity(pod, credentials)

    assert outcome(finding) == ("caller-identity", "fail")
    assert finding is not None
    assert finding.saw == "ClientError InvalidClientTokenId"
