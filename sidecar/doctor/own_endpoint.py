"""The sidecar itself, if it runs here: is it ready, and does it serve?"""

from collections.abc import Callable, Mapping
from typing import Any

from sidecar.client.local_http import LocalResponse, NotHttp, get
from sidecar.client.running_sidecar import CREDENTIALS_PATH, OK, NotServed, authorization, document, last_error
from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.findings import Finding
from sidecar.core.variables import SIDECAR_AUTHORIZATION, SIDECAR_AUTHORIZATION_FILE
from sidecar.doctor.fetching import why
from sidecar.doctor.findings import failed, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER
from sidecar.http.addresses import Address, nearest

UNAUTHORIZED = 401
Document = dict[str, Any]
Judge = Callable[[str, str, int, Document], Finding]
"""Check, what was seen, status and document, into a finding."""


async def readiness(pod: Pod) -> Finding | None:
    if pod.config is None:
        return None
    return await _asked("sidecar-ready", nearest(pod.config.admin_listen), "/readyz", {}, _ready)


async def credentials(pod: Pod) -> Finding | None:
    """Those of the default role, where it is served and with the token that opens it."""
    if pod.config is None:
        return None
    role = pod.config.roles.default_role
    addresses = role.listen.get(CONTAINER, pod.config.listen[CONTAINER])
    if not addresses:
        return None
    own = {SIDECAR_AUTHORIZATION_FILE: str(role.auth_token_file)} if role.auth_token_file else pod.environ
    try:
        headers = authorization(own, (SIDECAR_AUTHORIZATION,))
    except NotServed as error:
        return failed("sidecar-credentials", error.cause, "The authorization token cannot be read.", error.fix)
    return await _asked("sidecar-credentials", nearest(addresses), CREDENTIALS_PATH, headers, _served)


async def _asked(check: str, address: Address, path: str, headers: Mapping[str, str], judge: Judge) -> Finding:
    try:
        reply = await in_daemon_thread(get, address, path, headers)
    except TimeoutError:
        return failed(check, f"{address}{path}", "No answer within 2 s.", "Look at the sidecar's log and CPU limit.")
    except OSError as error:
        return skipped(check, f"{address}: {why(error)}", "No sidecar is running here.")
    except NotHttp as error:
        return _somebody_else(check, f"{address}{path}: {error}")
    return _judged(check, f"{address}{path}: {reply.status} in {reply.seconds:.2f} s", reply, judge)


def _judged(check: str, saw: str, reply: LocalResponse, judge: Judge) -> Finding:
    told = document(reply)
    return _somebody_else(check, saw) if told is None else judge(check, saw, reply.status, told)


def _somebody_else(check: str, saw: str) -> Finding:
    return failed(check, saw, "Another program answers there.", "Choose another port in SIDECAR_LISTEN.")


def _ready(check: str, saw: str, status: int, told: Document) -> Finding:
    if status == OK:
        return passed(
            check, f"{saw}; {told.get('assumed_role')}, {told.get('seconds_left')} s left", "The sidecar is ready."
        )
    if error := last_error(told):
        return failed(check, f"{saw}; {error.code}", error.cause, error.fix)
    return failed(
        check, f"{saw}; {told.get('phase')}", "The sidecar has no credentials yet.", "Wait a moment and try again."
    )


def _served(check: str, saw: str, status: int, told: Document) -> Finding:
    if status == OK:
        return passed(
            check, f"{saw}; {told.get('RoleArn')}, until {told.get('Expiration')}", "The sidecar serves credentials."
        )
    if status == UNAUTHORIZED:
        fix = "Start the doctor with the sidecar's own SIDECAR_AUTH_TOKEN or SIDECAR_AUTH_TOKEN_FILE."
        return failed(check, saw, "The sidecar requires another authorization token than the doctor has.", fix)
    message = str(told.get("message") or told.get("Message") or "The sidecar refused the request.")
    code = told.get("code") or "no code"
    return failed(check, f"{saw}; {code}", message, "Follow the message; see also `sidecar-ready`.")
