"""Makes the Helm that the tests of the chart start, once for each state of its lock: `make helm`."""

import sys
from pathlib import Path

from tests.go_programs import GoProgram

HELM = GoProgram("helm", Path(__file__).parent / "helm-3", "helm-3", "helm.sh/helm/v3/cmd/helm")


def main() -> int:
    """Returns 0 once it is there, 1 if it cannot be made."""
    return 0 if HELM.build() else 1


if __name__ == "__main__":
    sys.exit(main())
