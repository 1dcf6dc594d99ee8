"""What the kernel says of a process."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB, from smaps_rollup. `file`: pages of programs and libraries, which the kernel can drop and read again."""

    rss: float
    pss: float
    anonymous: float
    private_dirty: float

    @property
    def file(self) -> float:
        return self.rss - self.anonymous


def memory(pid: int | str) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name.rstrip(":"): int(value) for name, value, *_ in map(str.split, lines)}
    fields = ("Rss", "Pss", "Anonymous", "Private_Dirty")
    return Memory(*(kib[field] / 1024 for field in fields))


def cpu_seconds(pid: int) -> float:
    """Time on any core, user and system, from the scheduler's own count in nanoseconds."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def wake_ups(pid: int) -> int:
    """How often a thread slept and was woken."""
    tasks = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in tasks)


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
