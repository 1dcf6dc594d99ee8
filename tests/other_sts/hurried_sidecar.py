"""`irsa-sidecar serve`, refreshing seconds after each credential: no STS server issues sessions under 15 minutes."""

import asyncio
import os
import sys

from sidecar.core.refresh import RefreshPolicy
from sidecar.observe import logs
from sidecar.serve import serve
from sidecar.settings.config import load

SESSION = 3600
REFRESHED_AFTER = 3

if __name__ == "__main__":
    left = SESSION - REFRESHED_AFTER
    config = load(os.environ, sys.argv[2:])
    log = logs.configure(config.log_level, config.log_format)
    try:
        asyncio.run(serve(config, RefreshPolicy(floor_share=left / SESSION, jitter_share=0)))
    finally:
        log.end()
