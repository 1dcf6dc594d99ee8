"""`serve` while the home region's STS is down: a proxy on loopback reaches one region, and not the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.serve.kit import Start, Sts
from tests.sts.calls import _tunnel, head, listening
from tests.tls import Issuer

HOME, FALLBACK = "eu-west-1", "eu-central-1"


class ProxyOfRegions:
    """Opens a tunnel to `port` for a region that is up, whatever the port that is asked for; else answers 503."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.up = {FALLBACK}
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await head(reader)).split()[1]
        region = asked.split(".")[1]
        self.asked.append(asked)
        if region not in self.up:
            writer.write(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 Open\r\n\r\n")
        await _tunnel(self._port, reader, writer)


@asynccontextmanager
async def encrypted(sts: Sts, directory: Path, issuer: Issuer) -> AsyncIterator[int]:
    """The scripted STS as all of AWS's regions have it; gives its port."""
    app = web.Application()
    app.router.add_post("/", sts.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    names = [f"sts.{region}.amazonaws.com" for region in (HOME, FALLBACK)]
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=issuer.server(directory, names))
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def test_a_pod_that_starts_in_an_outage_gets_credentials_from_the_next_region(
    sts: Sts, start: Start, tmp_path: Path
) -> None:
    issuer, bundle = Issuer("AWS's"), tmp_path / "bundle.pem"
    bundle.write_bytes(issuer.pem)
    async with contextlib.AsyncExitStack() as stack:
        proxy = ProxyOfRegions(await stack.enter_async_context(encrypted(sts, tmp_path, issuer)))
        port = await stack.enter_async_context(listening(proxy))
        sidecar = await start(
            AWS_ENDPOINT_URL_STS="",
            AWS_REGION=HOME,
            SIDECAR_STS_FALLBACK_REGIONS=FALLBACK,
            AWS_CA_BUNDLE=str(bundle),
            HTTPS_PROXY=f"http://127.0.0.1:{port}",
        )
        await sidecar.listening()
        left = await sidecar.told("another region's STS asked")
        issued = await sidecar.told("credentials issued")
        _, metrics = await sidecar.get(f"{sidecar.admin}/metrics")
        await sidecar.kill()
    assert (left["region_before"], left["region"]) == (HOME, FALLBACK)
    assert "503" in left["cause"]
    first, *_, last = proxy.asked
    assert (first, last) == tuple(f"sts.{region}.amazonaws.com:443" for region in (HOME, FALLBACK))
    # How often each is asked before that, tests/sts/test_failover.py says: it also depends on how long the calls take.
    assert (issued["region"], issued["failures_before"]) == (FALLBACK, len(proxy.asked) - 1)
    assert f'irsa_sidecar_region_issued_total{{region="{FALLBACK}",role="default"}} 1.0' in metrics
