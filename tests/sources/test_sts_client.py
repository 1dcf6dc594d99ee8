"""The client of STS that the settings ask for."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnreachable
from sidecar.settings.config import load
from sidecar.sources.web_identity import sts_client
from tests.doubles import ROLE_ARN, a_token, web_identity
from tests.recorded import recorded
from tests.tls import Authority, authority


@pytest.fixture
def private(tmp_path: Path) -> Authority:
    return authority(tmp_path)


async def exchange_at(port: int, **settings: str) -> str:
    """For whom STS issued credentials."""
    environ = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-west-1"}
    config = load(environ | {"AWS_ENDPOINT_URL_STS": f"https://127.0.0.1:{port}"} | settings, [])
    async with sts_client(web_identity(config), SystemClock()) as exchange:
        return str((await exchange(a_token())).role_arn)


def an_sts() -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT"}
        return web.Response(body=recorded("issued"), content_type="text/xml", headers=headers)

    app = web.Application()
    app.router.add_post("/", answer)
    return TestServer(app, scheme="https")


async def test_an_authority_of_ones_own_is_trusted_where_it_is_set(private: Authority) -> None:
    server = an_sts()
    await server.start_server(ssl=private.server)
    try:
        assert await exchange_at(server.port or 0, AWS_CA_BUNDLE=str(private.bundle)) == ROLE_ARN
        with pytest.raises(StsUnreachable, match="CA that is not trusted"):
            await exchange_at(server.port or 0)
    finally:
        await server.close()
