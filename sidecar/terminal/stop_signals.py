"""How a long-running command is told to end: by SIGTERM in order, by Ctrl-C or a second SIGTERM at once."""

import asyncio
import logging
import signal

logger = logging.getLogger("sidecar")


class StopSignals:
    """`asked`: to end in order. `insisted`: to end now. The handlers set an event; the block that waits decides."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self._insist)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            # Each would end the process, unless it happens to be the container's first.
            loop.add_signal_handler(number, _ignore, number)

    def _ask(self) -> None:
        if self.asked.is_set():
            self.insisted.set()
        self.asked.set()

    def _insist(self) -> None:
        """Ctrl-C comes from a person who is waiting for the prompt."""
        self.insisted.set()
        self.asked.set()


def _ignore(number: signal.Signals) -> None:
    logger.info("signal ignored", extra={"signal": number.name})
