"""Which clients are tried, and what their programs are made with. Versions are in the clients' own dependency files."""

from dataclasses import dataclass

from tests.clients.kits import DEBIAN, GO, MAVEN, NPM, PIP, Kit


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `folder`, below this one, holds its dependency file; `program` is what `kit` makes of it or runs."""

    name: str
    folder: str
    kit: Kit
    program: str
    arguments: tuple[str, ...] = ()


JS_V3 = ("js-v3", NPM, "whoami.js")

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
    Client("Go v1", "go-v1", GO, "whoami"),
    Client("Go v2", "go-v2", GO, "whoami"),
    Client("Java v1", "java-v1", MAVEN, "Whoami"),
    Client("Java v2", "java-v2", MAVEN, "Whoami"),
    Client("Ruby v3", "ruby", DEBIAN, "whoami.rb"),
)
