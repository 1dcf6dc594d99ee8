"""Makes the kube-apiserver that the tests start, once for each state of its lock: `make kubernetes`.

It also fetches the operators' definitions that the tests tell it of.

Kubernetes publishes no such program in any registry, but its source is a Go module. The module's own `replace` lines
lead to folders that the published module lacks; `apiserver/go.mod` names the published modules instead, version by
version.
"""

import sys
from pathlib import Path

from tests.go_programs import GoProgram
from tests.kubernetes import operators

KUBE_APISERVER = GoProgram("kube-apiserver", Path(__file__).parent / "apiserver", "kubernetes")


def main() -> int:
    """Returns 0 once all is there, 1 if it cannot be made."""
    return 0 if operators.fetch() and KUBE_APISERVER.build() else 1


if __name__ == "__main__":
    sys.exit(main())
