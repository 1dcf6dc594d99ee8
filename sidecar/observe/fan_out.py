"""Passes each event to several observers."""

import logging

from sidecar.core.ports import Observer
from sidecar.core.refresh import RefreshEvent, RoleState
from sidecar.faces.counted import ClientObserver

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


def to_client_observers(*observers: ClientObserver) -> ClientObserver:
    """Calls each in turn."""

    def observe(face: str, user_agent: str | None) -> None:
        for observer in observers:
            observer(face, user_agent)

    return observe
