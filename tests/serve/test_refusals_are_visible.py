"""Nine refused requests, and everybody who looks sees them: in the log, on the page, in healthcheck, in the metrics."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

from tests.conftest import Canary
from tests.serve.kit import AUTH_TOKEN, Sidecar, Start

MISDIRECTED = "a-path-that-nobody-should-read-in-a-log"


async def test_nine_refused_requests_are_seen_wherever_one_looks(start: Start, canary: Canary) -> None:
    sidecar = await start(SIDECAR_AUTH_TOKEN=AUTH_TOKEN, SIDECAR_IMDS_LISTEN="127.0.0.1:0")
    told = await sidecar.told("listening")
    container, imds, admin = (f"http://{told[name]}" for name in ("credentials", "imds", "admin"))
    sidecar.admin = admin
    await sidecar.told("credentials issued")
    for _ in range(3):
        await sidecar.get(f"{container}/v1/credentials")
        await sidecar.get(f"{container}/v1/credentials", authorization="wrong")
        await sidecar.get(f"{imds}/latest/meta-data/iam/security-credentials/")
    await sidecar.get(f"{container}/{MISDIRECTED}")

    lines = [await sidecar.told("request refused") for _ in range(4)]
    assert [(line["face"], line["status"]) for line in lines] == [
        ("container", 401),
        ("container", 401),
        ("imds-v1", 401),
        ("container", 404),
    ]
    assert "SIDECAR_IMDS_V1" in lines[2]["fix"]
    assert [kind["times"] for kind in (await sidecar.readyz())[1]["refused"]] == [3, 3, 3, 1]
    _, page = await sidecar.get(f"{admin}/status")
    assert "<h1>Requests refused</h1>" in page
    _, metrics = await sidecar.get(f"{admin}/metrics")
    assert 'irsa_sidecar_refused_requests_total{face="container"} 7.0' in metrics
    assert 'irsa_sidecar_refused_requests_total{face="imds"} 3.0' in metrics
    said = await _healthcheck(told["admin"])
    assert "SIDECAR_IMDS_V1" in said
    assert MISDIRECTED not in "".join((*sidecar.written, page, metrics, said))
    canary.saw(*sidecar.written, page, metrics, said)


async def test_a_client_that_speaks_tls_is_told_of_too(start: Start) -> None:
    sidecar: Sidecar = await start()
    await sidecar.listening()
    host, _, port = sidecar.credentials.removeprefix("http://").partition("/")[0].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    await reader.read()
    writer.close()
    line = await sidecar.told("request refused")
    assert (line["status"], line["sdk"]) == (400, "unknown")
    assert "not https://" in line["fix"]


async def _healthcheck(admin: str) -> str:
    environ = {name: text for name, text in os.environ.items() if name.startswith(("COVERAGE_", "PATH"))}
    command = [sys.executable, "-m", "sidecar", "healthcheck"]
    asked = await asyncio.create_subprocess_exec(*command, env=environ | {"SIDECAR_ADMIN_LISTEN": admin}, stderr=PIPE)
    _, said = await asked.communicate()
    assert asked.returncode == 0
    return said.decode()
