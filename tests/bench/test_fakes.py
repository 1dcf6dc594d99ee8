"""What stands for AWS in the benchmark speaks as AWS does: botocore is the judge."""

import time
from pathlib import Path
from typing import Any

import botocore.session
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from bench.upstream import Fake, calls_noted
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory


def read_by_botocore(service: str, operation: str, status: int, body: bytes, content_type: str) -> Any:
    model = ServiceModel(botocore.session.Session().get_service_data(service), service)
    shape = model.operation_model(operation).output_shape
    answer = {"status_code": status, "headers": {"content-type": content_type}, "body": body, "context": {}}
    return create_parser(model.metadata["protocol"]).parse(answer, shape)


async def answered(directory: Path, path: str, **sent: Any) -> tuple[int, bytes, str]:
    (directory / "lab").mkdir(exist_ok=True)
    app = web.Application()
    Fake(directory, life=900, token_bytes=321).serve(app)
    async with TestClient(TestServer(app)) as client, client.post(path, **sent) as answer:
        return answer.status, await answer.read(), answer.content_type


async def test_botocore_reads_every_role_assuming_answer(tmp_path: Path) -> None:
    for action in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        found = read_by_botocore("sts", action, *await answered(tmp_path, "/", data={"Action": action}))
        assert len(found["Credentials"]["SessionToken"]) == 321
        assert 890 < found["Credentials"]["Expiration"].timestamp() - time.time() <= 900
    assert len(calls_noted(tmp_path)) == 2


async def test_botocore_reads_who_the_caller_is_and_that_is_no_call_for_credentials(tmp_path: Path) -> None:
    answer = await answered(tmp_path, "/", data={"Action": "GetCallerIdentity"})
    assert read_by_botocore("sts", "GetCallerIdentity", *answer)["Account"] == "111122223333"
    assert calls_noted(tmp_path) == []


async def test_an_outage_is_a_server_error_and_still_a_call(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    Faults(StateDirectory(tmp_path / "lab")).start("http-500")
    status, _, _ = await answered(tmp_path, "/", data={"Action": "AssumeRole"})
    assert status == 500
    assert len(calls_noted(tmp_path)) == 1
