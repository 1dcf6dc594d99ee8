"""Which clients are tried, and what their programs are made with. Versions are in the clients' own dependency files."""

from dataclasses import dataclass

from tests.clients.kits import DEBIAN, GO, GO_AND_OLD_GO, MAVEN, NPM, PIP, Kit


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `folder`, below this one, holds its dependency file; `program` is what `kit` makes of it or runs.

    `entry_point`: what starts the program, if not the kernel.
    """

    name: str
    folder: str
    kit: Kit
    program: str
    arguments: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()


JS_V3 = ("js-v3", NPM, "whoami.js")
GO_V1 = ("go-v1", GO_AND_OLD_GO)
VARIABLE_FROM_FILE = (
    *("sh", "-c"),
    'AWS_CONTAINER_AUTHORIZATION_TOKEN="$(cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")" exec "$@"',
    "sh",
)
"""The entry point of a container whose SDK is older than the variable that names a file; docs/roles.md has it."""

CLIENTS = (
    Client("boto3", "python-boto3/current", PIP, "../whoami_boto3.py"),
    Client("boto3 of 2019", "python-boto3/1.9.199", PIP, "whoami_boto3_of_2019.py"),
    Client("aiobotocore", "python-aiobotocore", PIP, "whoami_aiobotocore.py"),
    Client("awscli v1", "awscli-v1", PIP, "whoami_awscli.py"),
    Client("JavaScript v2", "js-v2", NPM, "whoami.js"),
    Client("JavaScript v3", *JS_V3),
    Client("JavaScript v3 fromHttp", *JS_V3, ("fromHttp",)),
    Client("JavaScript v3 fromContainerMetadata", *JS_V3, ("fromContainerMetadata",)),
    Client("JavaScript v3 fromInstanceMetadata", *JS_V3, ("fromInstanceMetadata",)),
    Client("Go v1", *GO_V1, "whoami"),
    Client("Go v2", "go-v2", GO, "whoami"),
    Client("Java v1", "java-v1", MAVEN, "Whoami"),
    Client("Java v2", "java-v2", MAVEN, "Whoami"),
    Client("Ruby v3", "ruby", DEBIAN, "whoami.rb"),
)

BY_ENTRY_POINT = (
    Client("Go v1, variable set by the entry point", *GO_V1, "whoami", entry_point=VARIABLE_FROM_FILE),
    Client("Go v1 of 2022, likewise", *GO_V1, "whoami-of-2022", entry_point=VARIABLE_FROM_FILE),
)
WITH_A_ROLE_EACH = (
    *(client for client in CLIENTS if client.name in {"boto3", "JavaScript v3", "Go v2", "Java v2"}),
    *BY_ENTRY_POINT,
)
"""Those of the table of named roles and chains."""
EVERY_CLIENT = (*CLIENTS, *BY_ENTRY_POINT)
