"""Why targets are missed, by the beginning of a target's name: written manually, shown while the target is missed."""

REASONS: dict[str, str] = {
    "irsa-sidecar, container endpoint: throughput, kept": (
        "Half of the peer's 18 microseconds of CPU a request is 9. Kernel and event loop take 7; parsing, guards, "
        "expiry and metrics take another 11 in Python"
    ),
    "irsa-sidecar, container endpoint: throughput, a connection": (
        "Equal within noise: a request costs 46 microseconds of CPU; the peers' cost 53 and 62, constant bytes 38"
    ),
    "irsa-sidecar, IMDSv2: throughput": (
        "Every request has a signed session token to verify. CPU: 26 microseconds a request against 24 on kept "
        "connections, 70 against 62 with a connection each"
    ),
    "p99 beside": "Most rows differ by tenths of a millisecond: an event loop's step takes longer than a goroutine's",
    "p99 while": (
        "Parsing, rendering and logging STS's answer take about a millisecond of the one thread that also serves"
    ),
    "SIGTERM, kept": (
        "After the signal clients are told to close their connections; two that still sent a request while the process "
        "ended were reset"
    ),
    "memory when idle": (
        "Missed by half a mebibyte in this run, on Python 3.11 with two sets of trusted CAs. Since then 0.6 MiB were "
        "saved by freeing what imports leave behind: 43.9 MiB in six rounds of bench/footprint.py"
    ),
}
