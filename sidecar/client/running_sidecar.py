"""The one client of the running sidecar: where it listens, the token it demands, what its answers mean.

Probes and SDKs start a process for each question: what few of them need is imported where it is needed.
"""

from collections.abc import Mapping

from sidecar.client.local_http import LocalResponse, NotHttp, get
from sidecar.core.authorization_token import checked_token, read_token
from sidecar.core.errors import SidecarError
from sidecar.core.variables import AUTHORIZATION, FULL_URI, SIDECAR_AUTHORIZATION
from sidecar.http.address_texts import addresses, listeners
from sidecar.http.addresses import Address, TcpAddress, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As in settings/catalogue and faces/registry, which a probe is too short-lived to import. A test holds them equal.
DEFAULT_LISTEN = "127.0.0.1:9911"
DEFAULT_ADMIN_LISTEN = "127.0.0.1:9912"
CREDENTIALS_PATH = "/v1/credentials"
CREDENTIALS_FIELDS = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
OK = 200
CHECK_LISTENER = "Check which program listens there."
TOKEN_VARIABLES = (AUTHORIZATION, SIDECAR_AUTHORIZATION)
"""An application's, then the sidecar's own; each has a `_FILE` beside it."""


class NotRunning(SidecarError):
    """No process listens where the sidecar should."""


class NotServed(SidecarError):
    """The sidecar, or whatever listens in its place, gave no credentials; or it cannot be asked with these settings."""


class SessionCredentials:
    """What a program needs. `expiration` as text, `YYYY-MM-DDTHH:MM:SSZ`. No `repr` shows a secret."""

    __slots__ = ("access_key_id", "account_id", "expiration", "secret_access_key", "session_token")

    def __init__(
        self, access_key_id: str, secret_access_key: str, session_token: str, expiration: str, account_id: str = ""
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        self.expiration = expiration
        self.account_id = account_id


class LastError:
    """Why the sidecar's last refresh failed, as `/readyz` tells it."""

    __slots__ = ("cause", "code", "fix")

    def __init__(self, code: str, cause: str, fix: str) -> None:
        self.code = code
        self.cause = cause
        self.fix = fix


def served_credentials(environ: Mapping[str, str], role: str = "") -> SessionCredentials:
    """The running sidecar's credentials. `role`: by name; empty for the one that applications are given without one.

    Raises `NotRunning`, `NotServed`.
    """
    address, path = credentials_endpoint(environ)
    path = f"{CREDENTIALS_PATH}/{role}" if role else path
    reply = _asked(address, path, authorization(environ))
    told = document(reply) or {}
    if reply.status != OK:
        fix = told.get("message") or f"The answer does not come from irsa-sidecar. {CHECK_LISTENER}"
        raise NotServed(f"The sidecar at {address} answered {reply.status}.", fix=str(fix))
    return _credentials(told, address)


def credentials_endpoint(environ: Mapping[str, str]) -> tuple[Address, str]:
    """Address and path where applications ask, or else where the sidecar listens. Raises `NotRunning`, `NotServed`."""
    if url := environ.get(FULL_URI):
        return _in_pod(url)
    try:
        listening = listeners(environ.get("SIDECAR_LISTEN") or DEFAULT_LISTEN)
    except ValueError as error:
        raise NotServed(f"SIDECAR_LISTEN {error}.", fix="Set it to the same value as for the sidecar.") from None
    if not listening:
        raise NotRunning("SIDECAR_LISTEN is off.", fix=f"Set {FULL_URI} to the sidecar's endpoint.")
    return nearest(listening), CREDENTIALS_PATH


def admin_listen(environ: Mapping[str, str]) -> str:
    """The addresses of the admin port, as text."""
    return environ.get("SIDECAR_ADMIN_LISTEN") or DEFAULT_ADMIN_LISTEN


def admin(environ: Mapping[str, str], path: str) -> LocalResponse:
    """What the admin port answers. Raises `OSError`, `NotHttp`, and `ValueError` for a setting that is no address."""
    return get(nearest(addresses(admin_listen(environ))), path)


def authorization(environ: Mapping[str, str], variables: tuple[str, ...] = TOKEN_VARIABLES) -> dict[str, str]:
    """The header that shows the token of the first variable that has one, if any has. Raises `NotServed`."""
    for variable in variables:
        if token := _token(environ, variable):
            return {"Authorization": token}
    return {}


def document(reply: LocalResponse) -> "dict[str, Any] | None":
    """The JSON object in the body; None where there is none, as the sidecar never answers."""
    import json  # noqa: PLC0415

    try:
        told = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def last_error(told: "Mapping[str, Any]") -> LastError | None:
    """The failure that `/readyz` tells of, if its last refresh failed."""
    error = told.get("last_error")
    if not isinstance(error, dict) or not error.get("cause"):
        return None
    return LastError(*(str(error.get(name, "")) for name in ("code", "cause", "fix")))


def refused_requests(told: "Mapping[str, Any]") -> list[str]:
    """The mistakes of clients that `/readyz` tells of, each in a sentence or two, the most frequent first."""
    refused = told.get("refused")
    kinds = refused if isinstance(refused, list) else []
    return [
        f"{kind['cause']} {kind.get('fix')} ({kind.get('times')} times on {kind.get('face')})"
        for kind in kinds
        if isinstance(kind, dict) and kind.get("cause")
    ]


def _in_pod(url: str) -> tuple[Address, str]:
    """Where SDKs would ask. A token is only shown to a listener that is in the pod, as they do it."""
    from urllib.parse import urlsplit  # noqa: PLC0415

    try:
        parts = urlsplit(url)
        address = TcpAddress(parts.hostname or "", parts.port or 80)
        in_pod = parts.scheme == "http" and address.private
    except ValueError:
        in_pod = False
    if not in_pod:
        usual = f"http://{DEFAULT_LISTEN}{CREDENTIALS_PATH}"
        raise NotServed(f"{FULL_URI} is not an address in this pod.", fix=f"Set it to {usual}, the default.")
    return address, parts.path or "/"


def _token(environ: Mapping[str, str], variable: str) -> str:
    file = environ.get(f"{variable}_FILE", "")
    given = f"{variable}_FILE: {file}" if file else f"{variable}: its value (not shown)"
    try:
        if file:
            from pathlib import Path  # noqa: PLC0415

            return read_token(Path(file))
        return checked_token(environ[variable]) if environ.get(variable) else ""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NotServed(
            f"{given} is not usable ({reason}).", fix="Set it to the sidecar's authorization token."
        ) from None


def _asked(address: Address, path: str, headers: Mapping[str, str]) -> LocalResponse:
    try:
        return get(address, path, headers)
    except (ConnectionRefusedError, FileNotFoundError):
        raise NotRunning(
            f"No sidecar listens at {address}.",
            fix="Start it, or set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE to exchange the token without it.",
        ) from None
    except (OSError, ValueError, NotHttp) as error:
        raise NotServed(f"Asking the sidecar at {address} failed: {error}.", fix="See the sidecar's log.") from None


def _is_account(text: object) -> bool:
    """The id of an account, or none: digits at AWS, letters at Ceph."""
    return isinstance(text, str) and text.isascii() and (text.isalnum() or not text)


def _credentials(told: "Mapping[str, Any]", address: Address) -> SessionCredentials:
    from sidecar.core.credential_grammar import fault_in, is_time  # noqa: PLC0415 (a probe asks for no credentials)

    key, secret, token, expiration = (told.get(name, "") for name in CREDENTIALS_FIELDS)
    account = told.get("AccountId", "")
    if fault_in(key, secret, token) or not is_time(expiration) or not _is_account(account):
        raise NotServed(
            f"The program at {address} answered with something other than credentials.",
            fix=CHECK_LISTENER,
        )
    return SessionCredentials(key, secret, token, expiration, account)
