"""The metrics that there are: names, types, labels, meanings. A contract with dashboards and alerts elsewhere.

Names follow Prometheus's conventions: one prefix, base units, `_total` on counters, `_timestamp_seconds` on Unix times,
`_info` where the labels are what counts. No label has the name of one that Prometheus gives its targets in Kubernetes
(`container`, `endpoint`): it would arrive as `exported_...`. `docs/metrics.md` is made from this list.
"""

from dataclasses import dataclass
from typing import Literal

from sidecar.core.model import Seconds
from sidecar.observe.labels import WAYS

EXCHANGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""From a lab's STS on loopback to our own time-out."""
REQUEST_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1)
"""From memory to the longest wait for an attempt under way."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `unit`: what its value counts, for people."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[Seconds, ...] = ()


# --- credentials -----------------------------------------------------------------------------------------------

VALID = Family(
    "irsa_sidecar_credentials_valid", "gauge", "1 or 0", "1 while valid credentials can be served, else 0.", ("role",)
)
CREDENTIALS_EXPIRATION = Family(
    "irsa_sidecar_credentials_expiration_timestamp_seconds",
    "gauge",
    "Unix time",
    "When the cached credentials expire, from STS's answer (Unix time; 0: none yet).",
    ("role",),
)
LAST_SUCCESS = Family(
    "irsa_sidecar_last_success_timestamp_seconds",
    "gauge",
    "Unix time",
    "When STS last issued credentials (Unix time on the node's clock; 0: never).",
    ("role",),
)
FIRST_CREDENTIAL = Family(
    "irsa_sidecar_first_credential_seconds",
    "gauge",
    "seconds",
    "Seconds from the start of the process to its first credentials (0: none yet).",
    ("role",),
)

# --- refreshes -------------------------------------------------------------------------------------------------

REFRESHES = Family(
    "irsa_sidecar_refreshes_total",
    "counter",
    "attempts",
    "Attempts to refresh, by outcome and AWS's error code; our own code when STS sent none or was not called.",
    ("role", "outcome", "code"),
)
EXCHANGES = Family(
    "irsa_sidecar_exchanges_total", "counter", "calls", "Calls to STS that have ended, by outcome.", ("role", "outcome")
)
REGIONS_ISSUED = Family(
    "irsa_sidecar_region_issued_total",
    "counter",
    "sessions",
    "Credentials issued, by the region whose STS did; no series without fallback regions.",
    ("role", "region"),
)
REFRESH_DURATION = Family(
    "irsa_sidecar_refresh_duration_seconds",
    "histogram",
    "seconds",
    "Duration of calls to STS, time-outs included, by outcome and code; codes after the first four count as other.",
    ("role", "outcome", "code"),
    EXCHANGE_BUCKETS,
)
FAILURES = Family(
    "irsa_sidecar_consecutive_failures",
    "gauge",
    "attempts",
    "Failed attempts to refresh since the last success.",
    ("role",),
)
CLOCK_SKEW = Family(
    "irsa_sidecar_sts_clock_skew_seconds",
    "gauge",
    "seconds",
    "How far STS's clock was ahead of the node's at its last answer, to half a second (negative: behind).",
    ("role",),
)

# --- the token -------------------------------------------------------------------------------------------------

TOKEN_EXPIRATION = Family(
    "irsa_sidecar_token_expiration_timestamp_seconds",
    "gauge",
    "Unix time",
    "When the projected token expires (Unix time; 0: no token, or no such claim).",
    ("role",),
)
TOKEN_ISSUED = Family(
    "irsa_sidecar_token_issued_timestamp_seconds",
    "gauge",
    "Unix time",
    "When the projected token was issued: its age is now less this (Unix time; 0: no token, or no such claim).",
    ("role",),
)
ROTATIONS = Family(
    "irsa_sidecar_token_rotations_total", "counter", "rotations", "New tokens found in the token file.", ("role",)
)

# --- requests --------------------------------------------------------------------------------------------------

REQUESTS = Family(
    "irsa_sidecar_requests_total", "counter", "requests", "Requests answered, by face and status.", ("face", "status")
)
REQUEST_DURATION = Family(
    "irsa_sidecar_request_duration_seconds",
    "histogram",
    "seconds",
    "How long a request took to answer, by face.",
    ("face",),
    REQUEST_BUCKETS,
)
REFUSED = Family(
    "irsa_sidecar_refused_requests_total",
    "counter",
    "requests",
    "Requests refused with a status of 400 to 499, by face; not IMDS's 404, which EC2 answers too.",
    ("face",),
)
SERVED = Family(
    "irsa_sidecar_served_requests_total",
    "counter",
    "requests",
    "Requests answered with a role's credentials.",
    ("role",),
)
DEGRADED = Family(
    "irsa_sidecar_degraded_requests_total",
    "counter",
    "requests",
    "Requests answered with cached credentials while the last attempt to refresh had failed.",
    ("role",),
)
CLIENTS = Family(
    "irsa_sidecar_client_requests_total",
    "counter",
    "requests",
    "Requests by face, and by SDK and its major version from the User-Agent.",
    ("face", "sdk", "major"),
)
WAITS = Family("irsa_sidecar_waits_total", "counter", "requests", "Requests that waited for a refresh in progress.")
WAITING = Family(
    "irsa_sidecar_waiting_requests", "gauge", "requests", "Requests that are waiting for a refresh in progress."
)
FILE_WRITES = Family(
    "irsa_sidecar_credentials_file_writes_total",
    "counter",
    "attempts",
    "Attempts to write the credentials file, by outcome; no series without such a file.",
    ("outcome",),
)

# --- what runs -------------------------------------------------------------------------------------------------

LOG_LINES_DROPPED = Family(
    "irsa_sidecar_log_lines_dropped_total",
    "counter",
    "lines",
    "Lost log lines: they were not read in time, or could not be written.",
)
CONFIG_RELOADED = Family(
    "irsa_sidecar_config_last_reload_successful",
    "gauge",
    "1 or 0",
    "1 if the last reload of AWS_CONFIG_FILE took effect, 0 if the file is refused and the roles before it are still "
    "served; no series without such a file.",
)
BUILD = Family("irsa_sidecar_build_info", "gauge", "always 1", "Always 1; the version that runs.", ("version",))
CONFIG = Family(
    "irsa_sidecar_config_info",
    "gauge",
    "always 1",
    "Always 1; the settings in force: session duration, region, kind of STS endpoint, and the enabled ways.",
    ("duration", "region", "sts", *WAYS),
)

FAMILIES = tuple(value for value in globals().values() if isinstance(value, Family))
