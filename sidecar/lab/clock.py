"""The lab's notion of time, given to whatever needs it."""

from collections.abc import Callable
from typing import TypeAlias

LabClock: TypeAlias = Callable[[], float]
"""Unix seconds."""
