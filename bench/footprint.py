"""What one sidecar costs a pod: memory, CPU and time from exec to the first served credential. `make bench`.

Each round starts `irsa-sidecar serve` in a process of its own against a lab on loopback, asks until it is served, lets
it settle, and reads /proc. Medians of the rounds; absolute times are this machine's.
"""

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from sidecar.lab.app import LabSettings, running

ROUNDS = 7
ANY_PORT = ("127.0.0.1", 0)
LISTEN, ADMIN = "127.0.0.1:19911", "127.0.0.1:19912"
SETTLES_WITHIN = 2.0
IDLE_FOR = 10.0


def main() -> None:
    rows = asyncio.run(measure())
    print(f"irsa-sidecar serve, {ROUNDS} rounds, median (minimum to maximum), Python {sys.version.split()[0]}\n")
    for name, unit in rows[0]:
        values = [row[name, unit] for row in rows]
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(f"  {name:<42} {statistics.median(values):8.2f} {unit:<10} ({spread})")


async def measure() -> list[dict[tuple[str, str], float]]:
    with tempfile.TemporaryDirectory() as directory:
        async with running(LabSettings(Path(directory) / "lab", ANY_PORT, ANY_PORT, ANY_PORT)) as lab:
            environment = {
                "PATH": os.environ["PATH"],
                "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/demo",
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(lab.token_file),
                "AWS_ENDPOINT_URL_STS": lab.sts_url,
                "SIDECAR_LISTEN": LISTEN,
                "SIDECAR_ADMIN_LISTEN": ADMIN,
                "SIDECAR_GRACE": "0",
                "SIDECAR_LOG_LEVEL": "error",
            }
            return [await one_round(environment) for _ in range(ROUNDS)]


async def one_round(environment: dict[str, str]) -> dict[tuple[str, str], float]:
    started = time.monotonic()
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "sidecar", "serve", env=environment)
    try:
        await asyncio.to_thread(until_served, child.pid)
        served = time.monotonic() - started
        cpu = cpu_seconds(child.pid)
        one_shot = await credential_process(environment)
        await asyncio.sleep(SETTLES_WITHIN)
        settled, wakes = cpu_seconds(child.pid), wake_ups(child.pid)
        memory = status(child.pid, "VmRSS") / 1024
        await asyncio.sleep(IDLE_FOR)
        return {
            ("exec to first served credential", "s"): served,
            ("CPU until then", "s"): cpu,
            ("RSS when idle", "MiB"): memory,
            ("threads", ""): status(child.pid, "Threads"),
            ("CPU when idle", "ms/s"): (cpu_seconds(child.pid) - settled) / IDLE_FOR * 1000,
            ("CPU of one credential-process", "s"): one_shot,
            ("voluntary context switches when idle", "per s"): (wake_ups(child.pid) - wakes) / IDLE_FOR,
        }
    finally:
        child.terminate()
        await child.wait()


async def credential_process(environment: dict[str, str]) -> float:
    """CPU-seconds of `irsa-sidecar credential-process` that asks the running sidecar."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = (sys.executable, "-m", "sidecar", "credential-process")
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    assert await child.wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def until_served(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        try:
            with urllib.request.urlopen(f"http://{LISTEN}/v1/credentials", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.002)


def status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid: int) -> float:
    tasks = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(float(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in tasks)


if __name__ == "__main__":
    main()
