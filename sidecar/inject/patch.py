"""What is added to a pod: the sidecar, its volumes, and the variables that lead an application to it.

The same as in `manifests/pod.yaml`, which gives the reason for each line, and with `--classic` as in
`manifests/components/classic-sidecar`; tests compare them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, METADATA_DISABLED, METADATA_ENDPOINT
from sidecar.faces.registry import IMDS
from sidecar.inject import names
from sidecar.inject.container_roles import TOKEN_FILE, mount_of
from sidecar.inject.options import Options
from sidecar.inject.workloads import Tree, mapping, named, text

_IMAGE_USER = 65532
"""The user that the image runs as."""


def patch_for(pod: Tree, options: Options, role_arn: str, place: int) -> dict[str, Any]:
    """What to add to a pod, in a pod's shape. Init containers before index `place` get nothing."""
    spec = mapping(pod, "spec")
    sidecar = _sidecar(spec, options, role_arn)
    later = [] if options.classic else named(spec, "initContainers")[place:]
    applications = _applications(named(spec, "containers"), options)
    return {
        "metadata": {
            "labels": {names.LABEL: "enabled"},
            "annotations": {
                names.RECORD_ANNOTATION: "",
                **options.roles.annotations(),
                **_first_for_kubectl(spec, options),
            },
        },
        "spec": {
            "initContainers": [] if options.classic else [sidecar, *_applications(later, options)],
            "containers": [sidecar, *applications] if options.classic else applications,
            "volumes": _volumes(options),
            **_of_the_pod(options),
        },
    }


def _first_for_kubectl(spec: Mapping[str, Any], options: Options) -> dict[str, str]:
    """With `--classic`: the container that was first, and is to remain the one that kubectl takes."""
    first = next((text(container, "name") for container in named(spec, "containers")), "")
    return {names.DEFAULT_CONTAINER: first} if options.classic and first else {}


def _of_the_pod(options: Options) -> dict[str, Any]:
    """What is the pod's as a whole, where asked for."""
    secrets = [{"name": name} for name in options.image_pull_secrets]
    return {
        **({"imagePullSecrets": secrets} if secrets else {}),
        **({"priorityClassName": options.priority_class} if options.priority_class else {}),
    }


def selected(container: Mapping[str, Any], options: Options) -> bool:
    return not options.containers or container.get("name") in options.containers


def environment(options: Options, profile: str = "") -> Iterator[dict[str, Any]]:
    """The variables of an application, except its region; `profile` is its role, if it has one of its own."""
    if options.port is not None and profile:
        # No variable: the role's token is made in the pod, and is in the file alone.
        yield _variable(FULL_URI, f"http://127.0.0.1:{options.port}/v1/credentials/{profile}")
        yield _variable(AUTHORIZATION_FILE, f"{names.AUTHORIZATION_DIRECTORY}/{TOKEN_FILE}")
        # The sidecar's IMDS has the default role, and some SDKs go on to it where the endpoint fails.
        yield _variable(METADATA_DISABLED, "true")
        return
    if options.port is not None:
        yield _variable(FULL_URI, f"http://127.0.0.1:{options.port}/v1/credentials")
        yield {"name": AUTHORIZATION, "valueFrom": _pod_uid()}
        yield _variable(AUTHORIZATION_FILE, f"{names.AUTHORIZATION_DIRECTORY}/authorization-token")
    if options.metadata_port is not None:
        # With the slash: botocore 1.19 to 1.23 appends the path to the text as it is.
        yield _variable(METADATA_ENDPOINT, f"http://127.0.0.1:{options.metadata_port}/")
    elif not options.config.listen[IMDS]:
        yield _variable(METADATA_DISABLED, "true")


def _applications(containers: list[Tree], options: Options) -> list[dict[str, Any]]:
    return [_application(container, options) for container in containers if selected(container, options)]


def _application(container: Tree, options: Options) -> dict[str, Any]:
    profile = options.roles.of(container)
    env = list(environment(options, profile))
    # If one of them is set, neither is added: SDKs differ in which one they read, and would then disagree.
    if options.region and not {text(item, "name") for item in named(container, "env")} & set(names.REGION_VARIABLES):
        env += [_variable(name, options.region) for name in names.REGION_VARIABLES]
    mounts = [
        mount_of(profile) if profile else _mount(names.AUTHORIZATION_VOLUME, names.AUTHORIZATION_DIRECTORY),
    ]
    return {"name": container["name"], "env": env, "volumeMounts": [] if options.port is None else mounts}


def _variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _pod_uid() -> dict[str, Any]:
    return {"fieldRef": {"fieldPath": "metadata.uid"}}


def _mount(volume: str, path: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": path, "readOnly": True}


def _sidecar(spec: Mapping[str, Any], options: Options, role_arn: str) -> dict[str, Any]:
    return {
        "name": names.SIDECAR,
        "image": options.image,
        **({"imagePullPolicy": options.image_pull_policy} if options.image_pull_policy else {}),
        **({} if options.classic else {"restartPolicy": "Always"}),
        "env": _sidecar_environment(options, role_arn),
        "ports": [{"name": names.PORT, "containerPort": options.admin_port}],
        **_start(options),
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": names.PORT},
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "resources": options.resources.manifest(),
        "securityContext": _security(spec),
        "volumeMounts": [*_token_mounts(options), *options.roles.mounts()],
    }


def _token_mounts(options: Options) -> list[dict[str, Any]]:
    """The token for STS; where EKS Pod Identity is the source, EKS adds its own."""
    return [] if options.pod_identity else [_mount(names.TOKEN_VOLUME, names.TOKEN_DIRECTORY)]


def _start(options: Options) -> dict[str, Any]:
    """What delays the application until there is a credential."""
    if options.classic:
        return {"lifecycle": {"postStart": {"exec": {"command": ["irsa-sidecar", "healthcheck", "--wait", "120"]}}}}
    probe = {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 600}
    return {"startupProbe": {"exec": {"command": ["irsa-sidecar", "healthcheck"]}, **probe}}


def _sidecar_environment(options: Options, role_arn: str) -> list[dict[str, Any]]:
    token = _variable("AWS_WEB_IDENTITY_TOKEN_FILE", f"{names.TOKEN_DIRECTORY}/token")
    return [
        *([] if options.pod_identity else [_variable("AWS_ROLE_ARN", role_arn)]),
        *([_variable("AWS_REGION", options.region)] if options.region else []),
        *([] if options.pod_identity else [token]),
        {"name": "SIDECAR_AUTH_TOKEN", "valueFrom": _pod_uid()},
        *(_variable(name, value) for name, value in (options.roles.environment() | options.environment()).items()),
    ]


def _security(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the restricted Pod Security Standard asks for, whatever the pod says.

    A uid only where the pod's is root's, with which `runAsNonRoot` would refuse to start: an own uid would make the
    kubelet open a projected token, which only a pod's single uid could read, to all (kubernetes `FsUserFrom`), and
    OpenShift refuses uids that it did not choose.
    """
    root = mapping(spec, "securityContext").get("runAsUser") == 0
    return {
        "runAsNonRoot": True,
        **({"runAsUser": _IMAGE_USER} if root else {}),
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _volumes(options: Options) -> list[dict[str, Any]]:
    token = {"path": "token", "audience": options.audience, "expirationSeconds": options.token_expiration}
    authorization = {"items": [{"path": "authorization-token", **_pod_uid()}]}
    volumes = [] if options.pod_identity else [_projected(names.TOKEN_VOLUME, "serviceAccountToken", token)]
    if options.port is not None:
        volumes.append(_projected(names.AUTHORIZATION_VOLUME, "downwardAPI", authorization))
    return [*volumes, *options.roles.volumes()]


def _projected(name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "projected": {"sources": [{kind: source}]}}
