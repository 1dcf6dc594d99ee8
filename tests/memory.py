"""What a piece of code keeps in memory once it has run."""

import gc
import tracemalloc
from collections.abc import Callable


def bytes_kept_by(act: Callable[[], None]) -> int:
    """Bytes that `act` allocated and that are still held after it."""
    tracemalloc.start()
    try:
        act()
        gc.collect()
        kept, _peak = tracemalloc.get_traced_memory()
        return kept
    finally:
        tracemalloc.stop()
