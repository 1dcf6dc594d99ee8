"""Pods that `checks` has something against: one for each of its findings, so that other judges can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.inject import Options, inject
from sidecar.inject.container_roles import ContainerRoles
from sidecar.inject.resources import Resources
from sidecar.inject.surroundings import surroundings_of
from tests.inject.kit import options, pod

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
URI = "http://127.0.0.1:9911/v1/credentials"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
DISABLED = "AWS_EC2_METADATA_DISABLED"
PROFILE = {"name": "AWS_PROFILE", "value": "x"}
IMDS = {"settings": {"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}}
METADATA_ALONE = {"settings": {"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}}
LINK_LOCAL = {"settings": {"SIDECAR_IMDS_LISTEN": "169.254.169.254:80"}}
OTHER_STS = {"region": "", "settings": {"AWS_ENDPOINT_URL_STS": "https://sts.example"}}
PRIORITY = {"priority_class": "system-cluster-critical"}
EQUAL = {"cpu": "100m", "memory": "192Mi"}
GUARANTEED = {"resources": Resources(EQUAL, EQUAL)}
SECRETS = {"image_pull_secrets": ("registry",)}
CLASSIC = {"classic": True}


@dataclass(frozen=True, slots=True)
class Specimen:
    """`changes` are options. `unseen`: why a policy in the cluster need not find it; empty if it must."""

    name: str
    pod: dict[str, Any]
    changes: Mapping[str, Any] = field(default_factory=dict)
    unseen: str = ""

    @property
    def options(self) -> Options:
        return options(**self.changes)

    @property
    def verdict(self) -> str:
        """`refused`, `warned` or `admitted`."""
        outcome = inject(self.pod, self.options)
        return "refused" if outcome.refused else "warned" if outcome.findings else "admitted"


def app(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "app", "image": "app"} | fields])


def named_app(name: str) -> dict[str, Any]:
    return pod(containers=[{"name": name, "image": "app"}])


def variable(name: str, value: str = "x") -> dict[str, Any]:
    return app(env=[{"name": name, "value": value}])


def mounted(path: str, volume: dict[str, Any] | None = None, also: str = "", **mount: Any) -> dict[str, Any]:
    mounts = [{"name": "data", "mountPath": path, **mount}]
    mounts += [{"name": "data", "mountPath": also, "readOnly": True}] if also else []
    found = app(volumeMounts=mounts)
    found["spec"]["volumes"] = [{"name": "data", **(volume or {"emptyDir": {}})}]
    return found


def proxied(exceptions: str) -> dict[str, Any]:
    return app(env=[{"name": "http_proxy", "value": "x"}, {"name": "NO_PROXY", "value": exceptions}])


def affinity(*rules: tuple[str, list[str]]) -> dict[str, Any]:
    terms = [
        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": operator, "values": values}]}
        for operator, values in rules
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


EXCEPTIONS = ("127.0.0.1", "10.0.0.0/8, 127.0.0.1:80", "*", "127.0.0.0/8", "10.0.0.0/8", "localhost", "127.0.0.10")


def asking_roles(bare: dict[str, Any], roles: str, profiles: str = "", **more: str) -> dict[str, Any]:
    """The same pod, which names roles of its containers."""
    asked = {"irsa-sidecar/container-roles": roles, "irsa-sidecar/profiles": profiles}
    annotations = {key: text for key, text in asked.items() if text} | more
    return bare | {"metadata": {"name": "app", "annotations": annotations}}


PARENTS = ("/var/run", "/run", "/var", "//var/./run/")
READ_ONLY: list[dict[str, Any]] = [
    {"configMap": {"name": "c"}},
    {"secret": {"secretName": "s"}},
    {"downwardAPI": {"items": []}},
    {"projected": {"sources": []}},
    {"persistentVolumeClaim": {"claimName": "c", "readOnly": True}},
    {"nfs": {"server": "s", "path": "/", "readOnly": True}},
    {"awsElasticBlockStore": {"volumeID": "v", "readOnly": True}},
]
WINDOWS = ("In", ["windows"])
AFFINITIES = [
    affinity(WINDOWS),
    affinity(WINDOWS, ("NotIn", ["linux"])),
    affinity(WINDOWS, ("In", ["linux"])),
    affinity(("In", ["linux", "windows"])),
    affinity(("NotIn", ["windows"])),
]
RESOURCES: list[dict[str, Any]] = [
    {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}},
    {"limits": {"cpu": "1", "memory": "1Gi"}},
    {"requests": {"cpu": "1", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    {"requests": {"cpu": "1", "memory": "1Gi"}},
    {},
]
TEMPLATE = {"spec": pod()["spec"] | {"containers": [{"name": "app", "image": "app"}]}}
ROLLOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "app"},
    "spec": {"template": TEMPLATE},
}
OTHER = pod(hostNetwork=True) | {"metadata": {"name": "other"}}
ON_NODE = {"surroundings": surroundings_of([OTHER])}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"AWS_PROFILE": "x"}}
HELD = {"surroundings": surroundings_of([SETTINGS])}


def without_account() -> dict[str, Any]:
    found = pod()
    del found["spec"]["serviceAccountName"]
    return found


def port(number: int) -> dict[str, Any]:
    return app(ports=[{"containerPort": number}])


def lasting(seconds: str) -> dict[str, Any]:
    return pod() | {"metadata": {"name": "app", "annotations": {"eks.amazonaws.com/token-expiration": seconds}}}


def mirror() -> dict[str, Any]:
    found = without_account()
    found["metadata"] = {"name": "app", "annotations": {"kubernetes.io/config.mirror": "x"}}
    found["spec"]["nodeName"] = "node"
    return found


def half_guaranteed() -> dict[str, Any]:
    found = app(resources=RESOURCES[0])
    found["spec"]["initContainers"] = [{"name": "a", "image": "a"}]
    return found


ROLE = "arn:aws:iam::111122223333:role/reports"
TOKEN_LINE = "sidecar_authorization_token_file = /var/run/irsa-sidecar-roles/a/authorization-token\n"


def holding(config: str, key: str = "config") -> dict[str, Any]:
    """Options where the ConfigMap of profiles is among the files."""
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "roles"}, "data": {key: config}}
    return {"surroundings": surroundings_of([held])}


PROFILES = asking_roles(pod(), "app=a", "roles")
NOT_SEEN = "ConfigMaps are not seen"
WRONG_ROLES = {
    "no line": "app",
    "no such container": f"other={ROLE}",
    "the sidecar's container": f"irsa-sidecar={ROLE}",
    "two roles": f"app={ROLE}\napp={ROLE}",
    "no role": "app=reports",
    "an empty role": "app=",
    "a session": "app=arn:aws:sts::111122223333:assumed-role/a/b",
    "two lines in one": f"app={ROLE} web={ROLE}",
}
ROLE_SPECIMENS = [
    Specimen("a container's role", asking_roles(pod(), f"app={ROLE}")),
    Specimen("a container's role among blank lines", asking_roles(pod(), f"\n  app = {ROLE} \n\n")),
    *(Specimen(f"container's role: {name}", asking_roles(pod(), lines)) for name, lines in WRONG_ROLES.items()),
    *(
        Specimen(f"role for a container called {name}", asking_roles(named_app(name), f"{name}={ROLE}"))
        for name in ("default", "a" * 40, "a" * 41, "1")
    ),
    Specimen("a container's role without an endpoint", asking_roles(pod(), f"app={ROLE}"), METADATA_ALONE),
    Specimen("profiles without an endpoint", asking_roles(pod(), "", "roles"), METADATA_ALONE),
    Specimen("another server's role", asking_roles(pod(), "app=arn:minio:iam:::role/a"), OTHER_STS),
    Specimen("no role of another server", asking_roles(pod(), "app=a"), OTHER_STS),
    Specimen("the sidecar's annotation", asking_roles(pod(), "", **{"irsa-sidecar/config": "[profile a]"})),
    Specimen("a container's profile", PROFILES),
    Specimen("profiles for all", asking_roles(pod(), "", "roles")),
    *(
        Specimen(f"profile {name}", asking_roles(pod(), f"app={name}", "roles"))
        for name in ("A", "a_b", "a" * 41, "default")
    ),
    Specimen("two profiles", asking_roles(pod(), "app=a\napp=b", "roles")),
    Specimen("a ConfigMap's name", asking_roles(pod(), "app=a", "Two Words")),
    Specimen("a role's token in a variable", asking_roles(variable(TOKEN), f"app={ROLE}")),
    Specimen("a role's endpoint", asking_roles(variable(FULL_URI), f"app={ROLE}")),
    Specimen("the default role's endpoint", asking_roles(variable(FULL_URI, URI), f"app={ROLE}")),
    Specimen("the same endpoint of a role", asking_roles(variable(FULL_URI, f"{URI}/app"), f"app={ROLE}")),
    Specimen("a role's file", asking_roles(variable(f"{TOKEN}_FILE"), f"app={ROLE}")),
    *(
        Specimen(f"a role and metadata, disabled {value}", asking_roles(variable(DISABLED, value), f"app={ROLE}"), IMDS)
        for value in ("true", "false")
    ),
    Specimen("a role and a volume", asking_roles(pod(volumes=[{"name": "irsa-sidecar-role-x", "emptyDir": {}}]), "")),
    Specimen("volume of profiles", pod(volumes=[{"name": "irsa-sidecar-profiles", "emptyDir": {}}])),
    Specimen("a profile that is not in the ConfigMap", PROFILES, holding("[profile b]"), NOT_SEEN),
    Specimen("a profile that is open to all containers", PROFILES, holding("[profile a]\n"), NOT_SEEN),
    Specimen("a profile whose token only some read", PROFILES, holding(f"[profile a]\n{TOKEN_LINE}"), NOT_SEEN),
    Specimen("a ConfigMap without profiles", PROFILES, holding("", key="other"), NOT_SEEN),
    Specimen("a ConfigMap that no SDK could read", PROFILES, holding("role_arn = a"), NOT_SEEN),
    Specimen(
        "--container-role for another container",
        pod(),
        {"roles": ContainerRoles.chosen("", [("other", ROLE)])},
        "pods have annotations",
    ),
]

MIGRATING = pod(initContainers=[{"name": "a", "image": "a"}])
FROM_MAP = app(envFrom=[{"configMapRef": {"name": "settings"}}])
SPECIMENS = [
    Specimen("nothing", pod()),
    Specimen("host network", pod(hostNetwork=True)),
    Specimen("host network without a token", pod(hostNetwork=True), IMDS),
    Specimen("link-local", pod(), LINK_LOCAL),
    Specimen("windows", pod(os={"name": "windows"})),
    Specimen("windows by node", pod(nodeSelector={"kubernetes.io/os": "windows"})),
    Specimen("windows by an old label", pod(nodeSelector={"beta.kubernetes.io/os": "windows"})),
    Specimen("linux", pod(os={"name": "linux"}, nodeSelector={"kubernetes.io/os": "linux", "zone": "windows"})),
    Specimen("a Job with --classic", pod(restartPolicy="Never"), CLASSIC, "there is no --classic"),
    Specimen(
        "init containers with --classic",
        pod(initContainers=[{"name": "a", "image": "a"}]),
        CLASSIC,
        "there is no --classic",
    ),
    Specimen("everybody's account", without_account()),
    *(Specimen(f"token for {seconds!r} seconds", lasting(seconds)) for seconds in ("7200", "soon", "1.5h", "")),
    Specimen("label", pod() | {"metadata": {"name": "app", "labels": {"irsa-sidecar": "mine"}}}),
    Specimen("token volume", pod(volumes=[{"name": "sts-token", "emptyDir": {}}])),
    Specimen("authorization volume", pod(volumes=[{"name": "authorization-token", "emptyDir": {}}])),
    Specimen("--image-pull-secret", pod(), SECRETS, "the API server has already added those of the service account"),
    Specimen("mirror of a static pod", mirror()),
    Specimen("figures of the pod's own", pod(resources={"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})),
    *(Specimen(f"quality of service {number}", app(resources=each)) for number, each in enumerate(RESOURCES)),
    Specimen("guaranteed, and the sidecar too", app(resources=RESOURCES[0]), GUARANTEED),
    Specimen("guaranteed, but for an init container", half_guaranteed()),
    Specimen("priority", pod(priorityClassName="system-node-critical"), PRIORITY),
    Specimen("same priority", pod(priorityClassName="system-cluster-critical"), PRIORITY),
    *(
        Specimen(f"mount at {path}", mounted(path))
        for path in ("/var/run/irsa-sidecar", "/var/run/irsa-sidecar/", "/var/run//irsa-sidecar/a", "/data")
    ),
    Specimen("mount where nothing is mounted", mounted("/var/run/irsa-sidecar"), METADATA_ALONE),
    Specimen("mount through the link", mounted("/run/irsa-sidecar")),
    *(Specimen(f"read-only mount at {path}", mounted(path, readOnly=True)) for path in (*PARENTS, "/var/run/app")),
    *(Specimen(f"writable mount at {path}", mounted(path)) for path in PARENTS),
    *(Specimen(f"parent of {next(iter(kind))}", mounted("/var/run", kind)) for kind in READ_ONLY),
    Specimen(
        "a read-only mount at /var/lib/../run",
        mounted("/var/lib/../run", readOnly=True),
        {},
        "`..` in a path is not followed",
    ),
    Specimen("nearest parent", mounted("/var/run", also="/var")),
    Specimen("parent on the node", mounted("/var/run", {"hostPath": {"path": "/run"}})),
    Specimen("read-only parent on the node", mounted("/var/run", {"hostPath": {"path": "/run"}}, readOnly=True)),
    *(Specimen(f"affinity {number}", pod(affinity=affinity)) for number, affinity in enumerate(AFFINITIES)),
    Specimen("windows by options", pod(securityContext={"windowsOptions": {"runAsUserName": "u"}})),
    Specimen("empty options for windows", pod(securityContext={"windowsOptions": {}})),
    Specimen("a container's empty options for windows", app(securityContext={"windowsOptions": {}})),
    Specimen("windows by a container", app(securityContext={"windowsOptions": {"runAsUserName": "u"}})),
    Specimen(
        "a RuntimeClass for Windows", pod(runtimeClassName="windows-2022"), {}, "an API server without it refuses first"
    ),
    Specimen("ports that another pod takes on the node", pod(hostNetwork=True), ON_NODE, "other pods are not seen"),
    Specimen("a custom resource, such as a Rollout", ROLLOUT, {}, "pods are seen, whatever made them"),
    Specimen("unseen map", FROM_MAP),
    Specimen("unseen secret", app(envFrom=[{"secretRef": {"name": "settings"}}])),
    Specimen(
        "AWS_PROFILE in a ConfigMap",
        FROM_MAP,
        HELD,
        "ConfigMaps are not seen",
    ),
    Specimen("proxy", variable("HTTP_PROXY")),
    Specimen("proxy for https", variable("HTTPS_PROXY")),
    *(Specimen(f"proxy but for {value}", proxied(value)) for value in EXCEPTIONS),
    Specimen("port", port(9911)),
    Specimen("port of another protocol", app(ports=[{"containerPort": 9911, "protocol": "UDP"}])),
    Specimen("admin port", port(9912)),
    Specimen("port's name", app(ports=[{"containerPort": 80, "name": "irsa-sidecar"}])),
    Specimen("free port", port(9913)),
    Specimen("metadata port", port(9913), IMDS),
    Specimen("keys", variable("AWS_ACCESS_KEY_ID")),
    Specimen("profile", variable("AWS_PROFILE")),
    Specimen("web identity", variable("AWS_WEB_IDENTITY_TOKEN_FILE")),
    Specimen("init container's profile", pod(initContainers=[{"name": "a", "image": "a", "env": [PROFILE]}])),
    Specimen("endpoint", variable(FULL_URI)),
    Specimen("the same endpoint", variable(FULL_URI, "http://127.0.0.1:9911/v1/credentials")),
    Specimen("metadata disabled", variable("AWS_EC2_METADATA_DISABLED", "true"), IMDS),
    Specimen("metadata enabled", variable("AWS_EC2_METADATA_DISABLED", "false"), IMDS),
    Specimen("region", variable("AWS_REGION")),
    *ROLE_SPECIMENS,
]
