"""Every test here is also a test that no secret shows."""

from collections.abc import Iterator

import pytest

from tests.conftest import Canary
from tests.doubles import Pod


@pytest.fixture(autouse=True)
def shown(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the canary see the events, states and errors of every pod."""
    pods: list[Pod] = []
    born = Pod.__init__

    def remembered(pod: Pod, *args: object, **kwargs: object) -> None:
        born(pod, *args, **kwargs)  # type: ignore[arg-type]
        pods.append(pod)

    monkeypatch.setattr(Pod, "__init__", remembered)
    yield
    for pod in pods:
        canary.saw(*pod.seen.events[:50], *pod.seen.states[:50])
        canary.saw(*{type(state.error): state.error for state in pod.seen.states}.values())
