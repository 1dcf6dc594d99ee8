"""By which face a program finds the sidecar: the environment that a user would give it, and what the sidecar counts."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sidecar.demo.two_roles import PARTNER, REPORTS, NamedRole
from tests.clients.network_pods import REGION, STS, WHO, Pod, Scenario

LOOPBACK = Scenario("loopback", link_local=False)
LOOPBACK_V1 = Scenario("loopback, IMDSv1 allowed", link_local=False, imds_v1=True)
LINK_LOCAL = Scenario("link-local", link_local=True)
LINK_LOCAL_V1 = Scenario("link-local, IMDSv1 allowed", link_local=True, imds_v1=True)

SHORT = 34
"""Seconds. The sidecar refreshes half-way, so that a document has 17 s left at the least: JavaScript v2 hangs if IMDS
gives it one with less than 15 s. Whoever still has the first key at the end is refused by the lab."""
LOOPBACK_SHORT = Scenario("loopback, short sessions", link_local=False, imds_v1=True, session_lifetime=SHORT)
NAMED_SHORT = Scenario("named roles, short sessions", link_local=False, session_lifetime=SHORT, named_roles=True)
LINK_LOCAL_SHORT = Scenario("link-local, short sessions", link_local=True, imds_v1=True, session_lifetime=SHORT)

FULL_URI = "http://127.0.0.1:9911/v1/credentials"
NO_IMDS = {"AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True, slots=True)
class Face:
    """One column. `counted_as`: the faces by which the sidecar may count its requests. `who`: how its ARN begins."""

    name: str
    counted_as: frozenset[str]
    variables: Callable[[Pod], Mapping[str, str]]
    who: str = WHO


def application(face: Face, pod: Pod) -> dict[str, str]:
    """What an application's container has in its environment."""
    common = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_STS": STS}
    return common | dict(face.variables(pod))


def _variable(pod: Pod) -> dict[str, str]:
    return NO_IMDS | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": FULL_URI,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": pod.token_file.read_text(),
    }


def _file(pod: Pod) -> dict[str, str]:
    return NO_IMDS | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": FULL_URI,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(pod.token_file),
    }


def _role(role: NamedRole) -> Callable[[Pod], dict[str, str]]:
    def variables(pod: Pod) -> dict[str, str]:
        return NO_IMDS | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{FULL_URI}/{role.name}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(role.token_file(pod.roles)),
        }

    return variables


def _both(pod: Pod) -> dict[str, str]:
    return _variable(pod) | _file(pod)


def _relative(pod: Pod) -> dict[str, str]:
    return NO_IMDS | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v1/credentials"}


def _imds_endpoint(pod: Pod) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9913/"}


def _imds_address(pod: Pod) -> dict[str, str]:
    return {}


# Of the next two: JavaScript v2 and Go v1 heed the variables only if told to, and the former then insists on a config
# file; Java v1 has a variable of its own for both files.


def _process(pod: Pod) -> dict[str, str]:
    config = str(pod.config_file)
    return NO_IMDS | {
        "AWS_CONFIG_FILE": config,
        "AWS_SDK_LOAD_CONFIG": "1",
        "AWS_CREDENTIAL_PROFILES_FILE": config,
        "SIDECAR_AUTH_TOKEN_FILE": str(pod.token_file),
    }


def _shared_file(pod: Pod) -> dict[str, str]:
    shared = str(pod.credentials_file)
    return NO_IMDS | {
        "AWS_SHARED_CREDENTIALS_FILE": shared,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SDK_LOAD_CONFIG": "1",
        "AWS_CREDENTIAL_PROFILES_FILE": shared,
    }


CONTAINER, ECS, IMDS = frozenset({"container"}), frozenset({"ecs"}), frozenset({"imds"})
WITH_V1_TOO = IMDS | {"imds-v1"}

URI_VARIABLE = Face("FULL_URI, token in variable", CONTAINER, _variable)
URI_FILE = Face("FULL_URI, token in file", CONTAINER, _file)
URI_BOTH = Face("FULL_URI, both", CONTAINER, _both)
RELATIVE = Face("RELATIVE_URI", ECS, _relative)
IMDS_ENDPOINT = Face("IMDSv2 by variable", IMDS, _imds_endpoint)
IMDS_ADDRESS = Face("IMDSv2 by address", IMDS, _imds_address)
IMDS_ENDPOINT_V1 = Face("IMDS by variable, v1 too", WITH_V1_TOO, _imds_endpoint)
IMDS_ADDRESS_V1 = Face("IMDS by address, v1 too", WITH_V1_TOO, _imds_address)
PROCESS = Face("credential_process", CONTAINER, _process)
NAMED = Face("named role", CONTAINER, _role(REPORTS), REPORTS.assumed)
CHAINED = Face("role in another account, by a chain", CONTAINER, _role(PARTNER), PARTNER.assumed)
FILE = Face("shared file", frozenset(), _shared_file)

Column = tuple[Scenario, Face]

ONE_RUN: tuple[Column, ...] = (
    (LOOPBACK, URI_VARIABLE),
    (LOOPBACK, URI_FILE),
    (LOOPBACK, URI_BOTH),
    (LINK_LOCAL, RELATIVE),
    (LOOPBACK, IMDS_ENDPOINT),
    (LINK_LOCAL, IMDS_ADDRESS),
    (LOOPBACK_V1, IMDS_ENDPOINT_V1),
    (LINK_LOCAL_V1, IMDS_ADDRESS_V1),
    (LOOPBACK, PROCESS),
    (LOOPBACK, FILE),
)
ACROSS_A_REFRESH: tuple[Column, ...] = (
    (LOOPBACK_SHORT, URI_BOTH),
    (LINK_LOCAL_SHORT, RELATIVE),
    (LOOPBACK_SHORT, IMDS_ENDPOINT_V1),
    (LINK_LOCAL_SHORT, IMDS_ADDRESS_V1),
    (LOOPBACK_SHORT, PROCESS),
    (LOOPBACK_SHORT, FILE),
)
WITH_ROLES: tuple[Column, ...] = ((NAMED_SHORT, NAMED), (NAMED_SHORT, CHAINED))
