"""The table of docs/other-sts.md: what the tests saw each server do."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.other_sts.faults import FAULTS
from tests.other_sts.servers import BUILT

PAGE = Path(__file__).parents[2] / "docs" / "other-sts.md"
BLOCK = re.compile(r"(<!-- servers: made by `make servers` -->\n).*?(<!-- end -->)", re.DOTALL)
WORKS = "works"
JOBS = (
    "exchange",
    "GetCallerIdentity",
    "S3 by boto3, container endpoint",
    "S3 by boto3, IMDS",
    "S3 by Go v1, container endpoint",
    "S3 by Go v1, IMDS",
    "refresh",
    "the issuer's key rotates",
)
TITLES = {"versitygw": "versitygw 1.8.0", "seaweedfs": "SeaweedFS", "minio": "MinIO", "ceph": "Ceph 16"}

_WORKED = "works, by hand"
BY_HAND: Mapping[str, Mapping[str, str]] = {
    "versitygw": {},
    "seaweedfs": {},
    "minio": dict.fromkeys(JOBS, _WORKED) | {"GetCallerIdentity": "no such call"},
    "ceph": dict.fromkeys(JOBS, _WORKED)
    | {"GetCallerIdentity": "no such call", "the issuer's key rotates": "refused: the thumbprint is the old key's"},
}

Seen = Mapping[tuple[str, str], str]
"""What a server did, by its name and the row."""


def is_whole(seen: Seen, server: str) -> bool:
    return all((server, row) in seen for row in (*JOBS, *(fault.name for fault in FAULTS)))


def as_markdown(seen: Seen) -> str:
    """Of MinIO and Ceph, what was tried by hand, and what their recorded refusals mean."""
    head = ["", *TITLES.values()]
    jobs = [[job, *(_cell(seen, server, job, BY_HAND[server].get(job, "")) for server in TITLES)] for job in JOBS]
    faults = [
        [f"refused: {fault.name}", *(_cell(seen, server, fault.name, fault.outcomes[server]) for server in TITLES)]
        for fault in FAULTS
    ]
    lines = [head, ["---"] * len(head), *jobs, *faults]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(seen: Seen, server: str, row: str, otherwise: str) -> str:
    """Only servers that every run starts count: a page must not depend on what is on somebody's path."""
    return seen[server, row] if server in BUILT else otherwise


def published(seen: Seen) -> str:
    """The page with the table of what was seen. Raises ValueError if it has not exactly one place for it."""
    block = as_markdown(seen)
    text, found = BLOCK.subn(lambda found: f"{found[1]}{block}\n{found[2]}", PAGE.read_text())
    if found != 1:
        raise ValueError(f"{PAGE.name} has {found} blocks named servers; one is needed.")
    return text
