"""Makes the program of an AWS SDK of 2022 that these tests run, once for each state of its lock."""

import sys
from pathlib import Path

from tests.go_programs import GoProgram

OLD_SDK = GoProgram("whoami", Path(__file__).parent / "old-sdk", "old-sdk")


def main() -> int:
    """Returns 0 once it is there, 1 if it cannot be made."""
    return 0 if OLD_SDK.build() else 1


if __name__ == "__main__":
    sys.exit(main())
