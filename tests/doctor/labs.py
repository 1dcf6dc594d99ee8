"""A lab as a pod in it sees it."""

import os

from tests.lab.worlds import ROLE, World


def environ(world: World, **more: str) -> dict[str, str]:
    """The variables of a sidecar in the lab, and nothing of ours that an SDK would read."""
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("AWS_", "SIDECAR_"))}
    return (
        clean
        | {
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(world.lab.token_file),
            "AWS_REGION": world.lab.region,
            "AWS_ENDPOINT_URL_STS": world.lab.sts_url,
            "SIDECAR_LISTEN": "127.0.0.1:1",
            "SIDECAR_ADMIN_LISTEN": "127.0.0.1:2",
        }
        | more
    )
