"""Why targets are missed, by the beginning of a target's name: written by hand, shown while the target is missed."""

REASONS: dict[str, str] = {
    "irsa-sidecar, container endpoint: throughput, kept": (
        "Not to be had in Python with every rule kept: of the peer's 18 microseconds of CPU a request, kernel and loop "
        "alone take 7; parsing, guards, expiry and metrics are 11 of our 18"
    ),
    "irsa-sidecar, container endpoint: throughput, a connection": (
        "Level but for noise: a request costs 46 microseconds of CPU, the peers' 53 and 62, constant bytes 38"
    ),
    "irsa-sidecar, IMDSv2: throughput": (
        "By CPU 26 microseconds a request against 24 on kept connections, 70 against 62 with a connection each: every "
        "request has a signed session token to verify"
    ),
    "p99 beside": "Most rows are apart by tenths of a millisecond: an interpreter's turn is longer than a goroutine's",
    "p99 while": (
        "Reading STS's answer, rendering and logging it take about a millisecond of the one thread that also answers"
    ),
    "SIGTERM, kept": (
        "Clients are told to keep no connection once the signal has come; two that still sent a request as the process "
        "ended were reset"
    ),
    "memory when idle": (
        "Missed by half a mebibyte in this run, on Python 3.11 with two sets of CAs trusted; taking away what imports "
        "leave behind has saved 0.6 MiB since: 43.9 in six rounds of bench/footprint.py"
    ),
}
