"""The service as `irsa-sidecar serve` runs it, but refreshing after BENCH_REFRESH_EVERY seconds: for one row alone."""

import functools
import os
import sys
from unittest.mock import patch

from sidecar import serve
from sidecar.core.refresh import RefreshPolicy


def main() -> int:
    every, life = float(os.environ["BENCH_REFRESH_EVERY"]), float(os.environ["BENCH_LIFE"])
    often = RefreshPolicy(floor_share=1 - every / life, jitter_share=0)
    with patch.object(serve, "serve", functools.partial(serve.serve, policy=often)):
        return serve.main([])


if __name__ == "__main__":
    sys.exit(main())
