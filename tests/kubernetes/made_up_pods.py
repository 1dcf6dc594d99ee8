"""Pods that nobody wrote, as an API server takes them, full of what `inject` looks at."""

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.inject.kit import pod
from tests.kubernetes.documents import Manifest

_VARIABLES = ("HOME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED", "HTTP_PROXY")
_ENDPOINTS = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ROLE_ARN")
_PATHS = ("/data", "/more", "/run", "/var/run", "/var/run/other", "/var/run/irsa-sidecar/")
_ARN = "arn:aws:iam::111122223333:role/"
_VOLUMES: tuple[dict[str, Any], ...] = (
    {"emptyDir": {}},
    {"configMap": {"name": "c"}},
    {"secret": {"secretName": "s"}},
    {"hostPath": {"path": "/run"}},
)


def made_up(seed: int, count: int) -> Iterator[Manifest]:
    """The same for the same seed."""
    random = Random(seed)
    for _ in range(count):
        yield _pod(random)


def _pod(random: Random) -> Manifest:
    volumes = [{"name": name, **random.choice(_VOLUMES)} for name in _some(random, ("data", "more", "sts-token"), 3)]
    names = [volume["name"] for volume in volumes]
    spec: dict[str, Any] = {
        "containers": [_container(random, f"app-{number}", names) for number in range(random.randint(1, 3))],
        "initContainers": [_container(random, f"init-{number}", names) for number in range(random.randint(0, 2))],
        "volumes": volumes,
    }
    if random.random() < 0.3:
        spec["securityContext"] = random.choice(({"runAsUser": 0}, {"runAsUser": 1000}, {"fsGroup": 1}, {}))
    if random.random() < 0.2:
        spec["automountServiceAccountToken"] = False
    if random.random() < 0.2:
        spec["restartPolicy"] = random.choice(("Never", "OnFailure"))
    if random.random() < 0.1:
        spec["nodeSelector"] = {"kubernetes.io/os": random.choice(("linux", "windows"))}
    made = pod(**{key: value for key, value in spec.items() if value != [] or random.random() < 0.5})
    there = [container["name"] for kind in ("initContainers", "containers") for container in spec[kind]]
    return made | {"metadata": {"name": "app", "annotations": _asked(random, there)}} if random.random() < 0.5 else made


def _asked(random: Random, there: list[str]) -> dict[str, str]:
    """Roles of some containers, seldom of one that is not there."""
    profiles = random.random() < 0.3
    asking = random.sample(there, random.randint(1, len(there))) + ["other"] * (random.random() < 0.1)
    lines = (f"{name}={random.choice('abc') if profiles else _ARN + name}" for name in asking)
    roles = {"irsa-sidecar/container-roles": random.choice(("\n", "\n\n ", " \n")).join(lines)}
    return roles | {"irsa-sidecar/profiles": "roles"} if profiles else roles


def _container(random: Random, name: str, volumes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "image": "app"}
    if random.random() < 0.7:
        names = [*_some(random, _VARIABLES, 4), *_some(random, _ENDPOINTS, 1)]
        found["env"] = [{"name": each, "value": random.choice(("", "x", "true"))} for each in names]
    if volumes and random.random() < 0.7:
        paths = _some(random, _PATHS, 2)
        found["volumeMounts"] = [
            {"name": random.choice(volumes), "mountPath": path, "readOnly": random.random() < 0.3} for path in paths
        ]
    if random.random() < 0.2:
        found["ports"] = [{"containerPort": random.choice((80, 9911, 9913))}]
    if random.random() < 0.1:
        found["restartPolicy"] = "Always" if name.startswith("init") else None
    return {key: value for key, value in found.items() if value is not None}


def _some(random: Random, of: tuple[str, ...], most: int) -> list[str]:
    return random.sample(of, random.randint(0, min(most, len(of))))
