"""The table of docs/other-sts.md: what the tests saw each server do."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.other_sts.faults import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "other-sts.md"
BLOCK = re.compile(r"(<!-- servers: made by `make servers` -->\n).*?(<!-- end -->)", re.DOTALL)
WORKS, BY_HAND, NOT_TRIED = "works", "works, by hand", "not tried"
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

Seen = Mapping[tuple[str, str], str]
"""What a server did, by its name and the row."""


def is_whole(seen: Seen, server: str) -> bool:
    return all((server, row) in seen for row in (*JOBS, *(fault.name for fault in FAULTS)))


def as_markdown(seen: Seen) -> str:
    """Of MinIO and Ceph, what was tried by hand, and what their recorded refusals mean."""
    head = ["", *TITLES.values()]
    jobs = [[job, *(seen.get((server, job), _by_hand(server, job)) for server in TITLES)] for job in JOBS]
    faults = [
        [f"refused: {fault.name}", *(seen.get((server, fault.name), fault.outcomes[server]) for server in TITLES)]
        for fault in FAULTS
    ]
    lines = [head, ["---"] * len(head), *jobs, *faults]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _by_hand(server: str, job: str) -> str:
    """The rows that somebody tried with MinIO and with Ceph."""
    return BY_HAND if job in {"exchange", "S3 by boto3, container endpoint"} else NOT_TRIED


def published(seen: Seen) -> str:
    """The page with the table of what was seen. Raises ValueError if it has not exactly one place for it."""
    block = as_markdown(seen)
    text, found = BLOCK.subn(lambda found: f"{found[1]}{block}\n{found[2]}", PAGE.read_text())
    if found != 1:
        raise ValueError(f"{PAGE.name} has {found} blocks named servers; one is needed.")
    return text
