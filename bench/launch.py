"""How a server is described: the command that starts it in a world, and the request that its clients send."""

import enum
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.asking import Request, exchange
from bench.world import World

CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


class Kind(enum.Enum):
    """What a server is to the comparison."""

    OURS = "ours"
    PEER = "peer"
    BOUND = "bound"
    """No credential server: it shows how fast its platform can be."""


@dataclass(frozen=True, slots=True)
class Launch:
    """`port` 0: the server chooses, and the kernel knows. `request` is made once it listens: it may need a token."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    request: Callable[[int], Request]
    port: int = 0


@dataclass(frozen=True, slots=True)
class Server:
    """One row of every table.

    `build` is its folder in the cache, if it has one. `not_for`: rows that make no sense, and why.
    """

    name: str
    kind: Kind
    version: str
    launch: Callable[[World], Launch]
    build: str = ""
    not_for: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def environment(world: World, **more: str) -> dict[str, str]:
    """What a server gets: a home in the world, AWS settings that nobody outside can read, and `more`."""
    return {"PATH": os.environ["PATH"], "HOME": str(world.directory), "AWS_EC2_METADATA_DISABLED": "true"} | more


def with_imds_token(port: int) -> Request:
    """A request for the credentials of the role that an IMDS names, with a session token from it."""
    status, token = exchange(
        port, "PUT", Request("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "21600"})
    )
    headers = {"X-aws-ec2-metadata-token": token.decode()} if status == 200 else {}
    _, role = exchange(port, "GET", Request(CREDENTIALS, headers))
    return Request(CREDENTIALS + role.decode(errors="replace").strip(), headers)
