"""What fifty more roles cost one sidecar: memory, wake-ups, time until all hold credentials. `python -m bench.roles`.

The same process is started with one role and with fifty more, in turn, as `bench.footprint` does: against a lab over
TLS, with the system's certificate authorities trusted.
"""

import asyncio
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import proc, python, targets
from bench.footprint import IDLE_FOR, SERVE, SETTLES_WITHIN, a_lab, until_served

MORE = targets.ROLES
ROUNDS = 3
RSS = "RSS when idle, MiB"
Found = dict[str, float]


def main() -> None:
    """Print the medians, and whether the target is met."""
    one, many = asyncio.run(measure())
    for name in one:
        print(f"{name:<42} {one[name]:8.3f} {many[name]:8.3f} {many[name] - one[name]:+8.3f}")
    more, most = many[RSS] - one[RSS], targets.ROLES_MIB
    print(f"{'PASS' if more <= most else 'FAIL'}: {MORE} more roles cost {more:.2f} MiB (<= {most})")


async def measure(rounds: int = ROUNDS) -> tuple[Found, Found]:
    """Medians with one role, and with `MORE`."""
    await asyncio.to_thread(python.compile_imported)
    async with a_lab() as settings:
        with TemporaryDirectory() as name:
            more = with_profiles(settings, Path(name) / "config")
            found: dict[int, list[Found]] = {0: [], MORE: []}
            for _ in range(rounds):
                found[0].append(await one_round(settings, 0))
                found[MORE].append(await one_round(more, MORE))
    return medians(found[0]), medians(found[MORE])


def with_profiles(settings: Mapping[str, str], file: Path) -> dict[str, str]:
    """The environment with a config file of `MORE` profiles."""
    arn = settings["AWS_ROLE_ARN"]
    file.write_text("\n".join(f"[profile role-{number}]\nrole_arn = {arn}\n" for number in range(MORE)))
    return {**settings, "AWS_CONFIG_FILE": str(file), "SIDECAR_PROFILES": "*"}


async def one_round(settings: Mapping[str, str], more: int) -> Found:
    started = time.monotonic()
    command = python.under_test().executing(SERVE)
    child = await asyncio.create_subprocess_exec(*command, env=dict(settings), stderr=subprocess.DEVNULL)
    try:
        await asyncio.to_thread(until_served, child.pid, settings["SIDECAR_LISTEN"])
        first = time.monotonic() - started
        await asyncio.to_thread(until_all_hold, settings["SIDECAR_LISTEN"], more + 1)
        everybody, cpu = time.monotonic() - started, proc.cpu_seconds(child.pid)
        await asyncio.sleep(SETTLES_WITHIN)
        held, wakes = proc.memory(child.pid), proc.wake_ups(child.pid)
        await asyncio.sleep(IDLE_FOR)
        return {
            "first credential, s": first,
            "all credentials, s": everybody,
            "CPU until then, s": cpu,
            RSS: held.rss,
            "of it the process's own, MiB": held.anonymous,
            "threads": proc.threads(child.pid),
            "voluntary context switches, per s": (proc.wake_ups(child.pid) - wakes) / IDLE_FOR,
        }
    finally:
        child.terminate()
        await child.wait()


def until_all_hold(place: str, roles: int) -> None:
    """Ask for each role once, as its application would."""
    for path in ("/v1/credentials", *(f"/v1/credentials/role-{number}" for number in range(roles - 1))):
        while not _served(f"http://{place}{path}"):
            time.sleep(0.05)


def _served(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def medians(found: list[Found]) -> Found:
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


if __name__ == "__main__":
    main()
