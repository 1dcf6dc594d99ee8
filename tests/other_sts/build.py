"""Makes the servers and the client that these tests start, once for each state of their locks: `make servers`."""

import sys
from pathlib import Path

from tests.go_programs import GoProgram

SOURCES = Path(__file__).parent / "servers"

VERSITYGW = GoProgram("versitygw", SOURCES / "versitygw", "versitygw", "github.com/versity/versitygw/cmd/versitygw")
SEAWEEDFS = GoProgram("weed", SOURCES / "seaweedfs", "seaweedfs", "github.com/seaweedfs/seaweedfs/weed")
S3_BY_GO_V1 = GoProgram("s3-go-v1", SOURCES / "s3-go-v1", "s3-go-v1")

PROGRAMS = (S3_BY_GO_V1, VERSITYGW, SEAWEEDFS)


def main() -> int:
    """Returns 0 once all are there, 1 if one cannot be made."""
    return 0 if all(program.build() for program in PROGRAMS) else 1


if __name__ == "__main__":
    sys.exit(main())
