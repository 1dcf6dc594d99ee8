"""`python -m sidecar` is `irsa-sidecar`."""

import sys

from sidecar.cli import main

sys.exit(main())
