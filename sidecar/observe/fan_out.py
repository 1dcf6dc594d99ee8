"""Passes each event to several observers."""

import logging
from types import CodeType

from sidecar.core.ports import Observer
from sidecar.core.refresh import RefreshEvent, RoleState
from sidecar.faces.imds import protocol
from sidecar.http.messages import Request, RequestObserver, Response
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import Refusals
from sidecar.observe.sdk_family import UNRECOGNISED, sdk_of
from sidecar.observe.usage import Usage

logger = logging.getLogger("sidecar")


def to_observers(*observers: Observer) -> Observer:
    """Calls each in turn. A defect in one disturbs neither the others nor the broker."""
    defects = _Defects()

    def observe(role: str, event: RefreshEvent, state: RoleState) -> None:
        for observer in observers:
            try:
                observer(role, event, state)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is logged)
                defects.log(error)

    return observe


def to_request_observers(metrics: Metrics, usage: Usage, refusals: Refusals) -> RequestObserver:
    """Tells each of every answer, by the protocol and the SDK that it went to. A defect in one costs no answer."""
    defects = _Defects()

    def observe(face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
        try:
            by = protocol(face, request)
            sdk = UNRECOGNISED if request is None else sdk_of(request.headers.get("user-agent"))
            metrics.observe_request(face, response, seconds, times)
            if request is not None:
                metrics.observe_client(by, sdk, times)
            usage(by, sdk, response, times)
            refusals(by, sdk, response, times)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is logged)
            defects.log(error)

    return observe


class _Defects:
    """Logs each defect once: it comes back with every request, and a traceback for each would drown the rest."""

    def __init__(self) -> None:
        self._logged: set[tuple[type[Exception], CodeType, int]] = set()

    def log(self, error: Exception) -> None:
        defect = (type(error), *_place(error))
        if defect not in self._logged:
            self._logged.add(defect)
            logger.error("observer failed", exc_info=error)


def _place(error: Exception) -> tuple[CodeType, int]:
    """Where it was raised."""
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code, trace.tb_lineno
