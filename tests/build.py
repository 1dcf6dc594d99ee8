"""Makes the small programs that tests of the manifests, the workflows and the status page run: `python -m tests.build`.

A test that needs one makes it too; here a registry that stumbles is no failed test.
"""

import sys

from tests.manifests.rendering import KUSTOMIZE, ROOT, install
from tests.status import axe


def main() -> int:
    """Returns 0 once all are there, 1 if kustomize cannot be made. The other programs raise their installer's error."""
    install(ROOT / "requirements/checkov.txt", "checkov")
    install(ROOT / "requirements/zizmor.txt", "zizmor")
    axe.source()
    return 0 if KUSTOMIZE.build() else 1


if __name__ == "__main__":
    sys.exit(main())
