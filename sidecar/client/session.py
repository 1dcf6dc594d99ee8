"""The running sidecar's credentials, for a command that runs once. Standard library only, so that it is quick."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.client.local_http import ANSWER_WITHIN, connection
from sidecar.core.authorization_token import read_token
from sidecar.core.errors import SidecarError
from sidecar.http.addresses import Address, TcpAddress
from sidecar.settings.parsers import listeners

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
DEFAULT = "127.0.0.1:9911"
DEFAULT_PATH = "/v1/credentials"
TOKENS = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SIDECAR_AUTH_TOKEN")
TOKEN_FILES = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "SIDECAR_AUTH_TOKEN_FILE")


class NotRunning(SidecarError):
    """Nobody listens where the sidecar should."""


class NoSession(SidecarError):
    """The sidecar, or whoever listens in its place, gave no credentials; or settings are in the way of asking."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a program needs. `expiration` as text, `YYYY-MM-DDTHH:MM:SSZ`."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: str
    account_id: str = ""


def from_sidecar(environ: Mapping[str, str]) -> Session:
    """The running sidecar's credentials. Raises `NotRunning`, `NoSession`."""
    address, path = _endpoint(environ)
    status, body = _get(address, path, _authorization(environ))
    if status != http.client.OK:
        raise NoSession(f"The sidecar at {address} answered {status}.", fix=_message(body))
    return _parsed(body, address)


def _endpoint(environ: Mapping[str, str]) -> tuple[Address, str]:
    url = environ.get(FULL_URI)
    if url:
        return _in_pod(url)
    try:
        listening = listeners(environ.get("SIDECAR_LISTEN") or DEFAULT)
    except ValueError as error:
        raise NoSession(f"SIDECAR_LISTEN {error}.", fix="Set it as it is set for the sidecar.") from None
    if not listening:
        raise NotRunning("SIDECAR_LISTEN is off.", fix=f"Set {FULL_URI} to the sidecar's endpoint.")
    return listening[0], DEFAULT_PATH


def _in_pod(url: str) -> tuple[Address, str]:
    """Where SDKs would ask. A token is only shown to a listener that is in the pod, as they do it."""
    try:
        parts = urlsplit(url)
        address = TcpAddress(parts.hostname or "", parts.port or 80)
        ok = parts.scheme == "http" and address.private
    except ValueError:
        ok = False
    if not ok:
        raise NoSession(f"{FULL_URI} is not an address in this pod.", fix=f"http://{DEFAULT}{DEFAULT_PATH} is usual.")
    return address, parts.path or "/"


def _authorization(environ: Mapping[str, str]) -> dict[str, str]:
    for name in TOKEN_FILES:
        if path := environ.get(name):
            try:
                return {"Authorization": read_token(Path(path))}
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise NoSession(f"{name}: {path} cannot be used ({reason}).", fix="Mount the token file.") from None
    token = next((environ[name] for name in TOKENS if environ.get(name)), None)
    return {"Authorization": token} if token else {}


def _get(address: Address, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    asked = connection(address)
    try:
        asked.request("GET", path, headers={**headers, "Accept": "application/json"})
        answer = asked.getresponse()
        return answer.status, answer.read()
    except (ConnectionRefusedError, FileNotFoundError):
        raise NotRunning(
            f"No sidecar listens at {address}.",
            fix="Start it, or set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE to do without.",
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = f"no answer within {ANSWER_WITHIN:.0f} s" if isinstance(error, TimeoutError) else type(error).__name__
        raise NoSession(f"Asking the sidecar at {address} failed: {reason}.", fix="See its log.") from None
    finally:
        asked.close()


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "That is not how the sidecar talks: check who listens there."


def _parsed(body: bytes, address: Address) -> Session:
    try:
        document = json.loads(body)
        held = Session(
            access_key_id=document["AccessKeyId"],
            secret_access_key=document["SecretAccessKey"],
            session_token=document["Token"],
            expiration=document["Expiration"],
            account_id=document.get("AccountId", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoSession(
            f"What answers at {address} gave something other than credentials.", fix="Check who listens there."
        ) from None
    return held
