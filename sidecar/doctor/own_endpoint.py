"""The sidecar itself, if it runs here: is it ready, and does it serve?"""

import json
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.core.authorization_token import read_token
from sidecar.core.findings import Finding
from sidecar.core.model import Seconds
from sidecar.doctor.fetching import get, why
from sidecar.doctor.findings import failed, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.http.addresses import WILDCARDS, Address, TcpAddress
from sidecar.settings.config import Config

PATIENCE: Seconds = 2
"""What a patient SDK grants."""
OK, UNAUTHORIZED = 200, 401


async def readiness(pod: Pod) -> Finding | None:
    if pod.config is None:
        return None
    return await _asked("sidecar-ready", pod.config.admin_listen[0], "/readyz", {}, _ready)


async def credentials(pod: Pod) -> Finding | None:
    if pod.config is None:
        return None
    try:
        headers = _authorization(pod.config)
    except (OSError, ValueError) as error:
        return failed(
            "sidecar-credentials",
            f"{pod.config.auth_token_file}: {why(error)}",
            "The authorization token cannot be read.",
            "Mount the file for the sidecar's uid; one line, no newline needed.",
        )
    return await _asked("sidecar-credentials", pod.config.listen[0], "/v1/credentials", headers, _served)


def _authorization(config: Config) -> dict[str, str]:
    token = config.auth_token or (read_token(config.auth_token_file) if config.auth_token_file else "")
    return {"Authorization": token} if token else {}


async def _asked(check: str, address: Address, path: str, headers: dict[str, str], judge: Any) -> Finding:
    url, connector = _way_to(address, path)
    try:
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
            found = await get(http, url, within=PATIENCE, headers=headers)
    except TimeoutError:
        return failed(check, f"{address}{path}", "No answer within 2 s.", "Look at the sidecar's log and CPU limit.")
    except (aiohttp.ClientError, OSError) as error:
        return skipped(check, f"{address}: {why(error)}", "No sidecar runs here.")
    try:
        told = json.loads(found.body)
    except (ValueError, RecursionError):
        told = None
    saw = f"{address}{path}: {found.status} in {found.seconds:.2f} s"
    if not isinstance(told, dict):
        return failed(check, saw, "Something else answers there.", "Choose another port in SIDECAR_LISTEN.")
    verdict: Finding = judge(check, saw, found.status, told)
    return verdict


def _way_to(address: Address, path: str) -> tuple[str, aiohttp.BaseConnector]:
    if not isinstance(address, TcpAddress):
        return f"http://localhost{path}", aiohttp.UnixConnector(str(Path(address.path)))
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}[address.host] if address.host in WILDCARDS else None  # noqa: S104
    return f"http://{f'{host}:{address.port}' if host else address}{path}", aiohttp.TCPConnector()


def _ready(check: str, saw: str, status: int, told: dict[str, Any]) -> Finding:
    if status == OK:
        return passed(check, f"{saw}; {told.get('assumed_role')}, {told.get('seconds_left')} s left", "It is ready.")
    error = told.get("last_error")
    if isinstance(error, dict):
        return failed(check, f"{saw}; {error.get('code')}", str(error.get("cause")), str(error.get("fix")))
    return failed(check, f"{saw}; {told.get('phase')}", "It has no credentials yet.", "Wait a moment and ask again.")


def _served(check: str, saw: str, status: int, told: dict[str, Any]) -> Finding:
    if status == OK:
        return passed(check, f"{saw}; {told.get('RoleArn')}, until {told.get('Expiration')}", "It serves credentials.")
    if status == UNAUTHORIZED:
        fix = "Start the doctor with the sidecar's own SIDECAR_AUTH_TOKEN or SIDECAR_AUTH_TOKEN_FILE."
        return failed(check, saw, "It demands another authorization token than the one given here.", fix)
    message = str(told.get("message") or told.get("Message") or "It refuses.")
    return failed(check, f"{saw}; {told.get('code')}", message, "Do what the message says; `sidecar-ready` tells more.")
