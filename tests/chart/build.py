"""Makes the two Helms that the tests of the chart start, once for each state of their lock: `make helm`."""

import sys
from pathlib import Path

from tests.go_programs import GoProgram, build_together

_MODULES = Path(__file__).parent / "modules"
"""Both are locked together, so that they share what they are made of."""
HELMS = {
    version: GoProgram(f"helm-{version}", _MODULES, "helm", f"helm.sh/helm/v{version}/cmd/helm") for version in (3, 4)
}


def main() -> int:
    """Returns 0 once they are there, 1 if one cannot be made."""
    return 0 if build_together(*HELMS.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
