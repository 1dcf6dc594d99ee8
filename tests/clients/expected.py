"""Which cells cannot work, and why: properties of these versions of these clients. Every other cell must work.

Each is tried all the same: one that begins to work is as unexpected as one that fails.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tests.clients.cells import Cell, Outcome
from tests.clients.faces import (
    FILE,
    IMDS_ADDRESS,
    IMDS_ADDRESS_V1,
    IMDS_ENDPOINT,
    IMDS_ENDPOINT_V1,
    PROCESS,
    RELATIVE,
    URI_BOTH,
    URI_FILE,
    URI_VARIABLE,
    Face,
)

FULL_URI = (URI_VARIABLE, URI_FILE, URI_BOTH)
CONTAINER = (*FULL_URI, RELATIVE)
BY_VARIABLE = (IMDS_ENDPOINT, IMDS_ENDPOINT_V1)
IMDS = (*BY_VARIABLE, IMDS_ADDRESS, IMDS_ADDRESS_V1)


@dataclass(frozen=True, slots=True)
class Unable:
    """`client` (its name in the catalogue) cannot by any of `faces`, for `reason`."""

    client: str
    faces: Collection[Face]
    reason: str


NO_TOKEN_FILE = "older than AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
CONTAINER_ALONE = "a provider for the container endpoint only"

AT_ALL = (
    Unable("boto3 of 2019", (URI_FILE,), NO_TOKEN_FILE),
    Unable("boto3 of 2019", BY_VARIABLE, "older than AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    Unable("boto3 of 2019", (IMDS_ADDRESS,), "older than IMDSv2: needs SIDECAR_IMDS_V1"),
    Unable("JavaScript v3 fromHttp", (*IMDS, PROCESS, FILE), CONTAINER_ALONE),
    Unable(
        "JavaScript v3 fromContainerMetadata", (URI_FILE,), "only fromHttp knows AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    ),
    Unable("JavaScript v3 fromContainerMetadata", (*IMDS, PROCESS, FILE), CONTAINER_ALONE),
    Unable("JavaScript v3 fromInstanceMetadata", (*CONTAINER, PROCESS, FILE), "a provider for IMDS only"),
    Unable("Go v1", (URI_FILE,), NO_TOKEN_FILE),
    Unable("Java v1", (URI_FILE,), NO_TOKEN_FILE),
    Unable("Ruby v3", FULL_URI, "Debian's 3.168 knows only RELATIVE_URI"),
    Unable("Ruby v3", BY_VARIABLE, "takes the host from the variable, but always port 80"),
)

LENGTHENS = (
    "extends an IMDS document that expires within 15 to 25 minutes by that time, so the 30-second sessions of this "
    "test are too short; with one-hour sessions the sidecar's document always has more time left"
)
READS_ONCE = "reads the file once per process, and not again after AWS refuses the keys"
AT_IMDS_V1 = (IMDS_ENDPOINT_V1, IMDS_ADDRESS_V1)

ACROSS_A_REFRESH = (
    *(Unable(client, AT_IMDS_V1, LENGTHENS) for client in ("boto3", "aiobotocore", "Java v1")),
    *(
        Unable(client, (FILE,), READS_ONCE)
        for client in (
            "boto3",
            "boto3 of 2019",
            "aiobotocore",
            "JavaScript v3",
            "Go v1",
            "Go v2",
            "Java v1",
            "Ruby v3",
        )
    ),
)


def reason(cell: Cell) -> str | None:
    """Why the cell cannot work; None if it must."""
    found = (*AT_ALL, *ACROSS_A_REFRESH) if cell.across_a_refresh else AT_ALL
    fits = (each.reason for each in found if each.client == cell.client.name and cell.face in each.faces)
    return next(fits, None)


def is_expected(outcome: Outcome) -> bool:
    return outcome.works == (reason(outcome.cell) is None)
