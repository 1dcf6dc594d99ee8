"""Passes each event to several observers."""

import logging

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

    def observe(role: str, event: RefreshEvent, state: RoleState) -> None:
        for observer in observers:
            try:
                observer(role, event, state)
            except Exception:
                logger.exception("observer failed")

    return observe


def to_request_observers(metrics: Metrics, usage: Usage, refusals: Refusals) -> RequestObserver:
    """Tells each of every answer, by the protocol and the SDK that it went to. A defect in one costs no answer."""

    def observe(face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
        try:
            by = protocol(face, request)
            sdk = UNRECOGNISED if request is None else sdk_of(request.headers.get("user-agent"))
            metrics.observe_request(face, response, seconds, times)
            if request is not None:
                metrics.observe_client(by, sdk, times)
            usage(by, sdk, response, times)
            refusals(by, sdk, response, times)
        except Exception:
            logger.exception("observer failed")

    return observe
