"""Runs a call that blocks in a thread of its own, which the process does not wait for when it ends."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import ParamSpec, TypeVar

from sidecar.core.errors import OutOfThreads
from sidecar.core.model import Seconds

P = ParamSpec("P")
T = TypeVar("T")


async def in_daemon_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises. Raises `OutOfThreads` where no thread can be started.

    Executors join their threads before the loop and the interpreter end: a name server or a disk that is silent would
    hold up the end by minutes.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = _settled(ended, function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 (whoever waits shall see it)
            settle = _failed(ended, error)
        with suppress(RuntimeError):  # the loop is closed: its tasks have gone
            loop.call_soon_threadsafe(settle)

    _start(run, name=getattr(function, "__name__", "call"))
    return await ended


def within(most: Seconds, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for who has no event loop. Signals are answered meanwhile, as they are not while a call of the kernel's
    hangs. Raises `TimeoutError` too.
    """
    ended: Future[T] = Future()

    def run() -> None:
        try:
            ended.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 (whoever waits shall see it)
            ended.set_exception(error)

    _start(run, name=getattr(function, "__name__", "call"))
    return ended.result(most)


def _start(run: Callable[[], None], name: str) -> None:
    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:  # as Python says it
        raise OutOfThreads(
            "No thread can be started: the limit on processes is used up.",
            fix="See which container of the pod uses it up, or raise it: the kubelet's podPidsLimit, the runtime's "
            "pids limit, ulimit -u.",
        ) from None


def _settled(ended: "asyncio.Future[T]", result: T) -> Callable[[], None]:
    return lambda: None if ended.done() else ended.set_result(result)


def _failed(ended: "asyncio.Future[T]", error: BaseException) -> Callable[[], None]:
    return lambda: None if ended.done() else ended.set_exception(error)
