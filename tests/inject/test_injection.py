"""What a pod gets, what it keeps, and what is said: the pure part, on plain mappings."""

from copy import deepcopy
from typing import Any

import pytest

from sidecar.inject import BadOptions, Level, inject, remove
from sidecar.inject.injection import ChangedDocument
from sidecar.inject.surroundings import Account, Surroundings
from tests.inject.kit import IMAGE, REGION, ROLE, named, options, pod


def injected(document: Any, **changes: Any) -> dict[str, Any]:
    outcome = inject(document, options(**changes))
    assert not outcome.refused, outcome.findings
    result: dict[str, Any] = outcome.document
    return result


def said(document: Any, **changes: Any) -> list[str]:
    return [f"{finding.level}: {finding.message}" for finding in inject(document, options(**changes)).findings]


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container["env"]}


def sidecar_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = named(document["spec"]["initContainers"])["irsa-sidecar"]
    return found


def test_the_sidecar_is_first_and_native() -> None:
    result = injected(pod(initContainers=[{"name": "migrate"}]))
    first, second = result["spec"]["initContainers"]
    assert (first["name"], first["restartPolicy"]) == ("irsa-sidecar", "Always")
    assert second["name"] == "migrate"


def test_the_argument_is_left_alone() -> None:
    document = pod(initContainers=[{"name": "migrate"}])
    before = deepcopy(document)
    inject(document, options())
    assert document == before


def test_init_containers_get_credentials_too() -> None:
    result = injected(pod(initContainers=[{"name": "migrate"}]))
    migrate = named(result["spec"]["initContainers"])["migrate"]
    assert variables(migrate) == variables(result["spec"]["containers"][0])


def test_only_the_sidecar_mounts_the_token_for_sts() -> None:
    result = injected(pod())
    assert [mount["name"] for mount in sidecar_of(result)["volumeMounts"]] == ["sts-token"]
    assert [mount["name"] for mount in result["spec"]["containers"][0]["volumeMounts"]] == ["authorization-token"]


def test_a_named_container_alone_gets_credentials() -> None:
    document = pod(containers=[{"name": "app"}, {"name": "proxy"}], initContainers=[{"name": "migrate"}])
    result = injected(document, containers=frozenset({"app"}))
    assert "env" in named(result["spec"]["containers"])["app"]
    assert named(result["spec"]["containers"])["proxy"] == {"name": "proxy"}
    assert named(result["spec"]["initContainers"])["migrate"] == {"name": "migrate"}


def test_a_workload_without_the_named_container_is_left_alone_and_told() -> None:
    outcome = inject(pod(), options(containers=frozenset({"web"})))
    assert outcome.document == pod()
    assert "Pod/app: has none of the containers that --container names" in outcome.findings[0].message


def test_where_an_older_injection_is_removed_for_that_it_is_told_too() -> None:
    document = pod(containers=[{"name": "app"}, {"name": "web"}])

    outcome = inject(injected(document, containers=frozenset({"app"})), options(containers=frozenset({"wbe"})))

    assert outcome.document == document
    assert outcome.findings[0].message.endswith("--container names; the sidecar that it had is removed.")


def test_a_pod_whose_only_container_has_the_sidecars_name_is_refused_and_stays_whole() -> None:
    document = pod(containers=[{"name": "irsa-sidecar", "image": "app:1"}])

    for outcome in (inject(document, options()), remove(document)):
        assert outcome.document == document
        (error,) = outcome.findings
        assert error.message == "Pod/app: its only container is called irsa-sidecar, as the sidecar is; rename it."
        assert outcome.refused


@pytest.mark.parametrize("there", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_container_with_a_region_of_its_own_keeps_that_alone(there: str) -> None:
    result = injected(pod(containers=[{"name": "app", "env": [{"name": there, "value": "us-east-1"}]}]))
    found = variables(result["spec"]["containers"][0])
    assert found[there] == "us-east-1"
    assert len({"AWS_REGION", "AWS_DEFAULT_REGION"} & set(found)) == 1


def test_a_root_pod_gets_a_sidecar_that_can_start_with_runasnonroot() -> None:
    assert "runAsUser" not in sidecar_of(injected(pod()))["securityContext"]
    assert "runAsUser" not in sidecar_of(injected(pod(securityContext={"runAsUser": 1000})))["securityContext"]
    assert sidecar_of(injected(pod(securityContext={"runAsUser": 0})))["securityContext"]["runAsUser"] == 65532


def test_the_pods_group_and_user_are_left_to_the_pod() -> None:
    assert "securityContext" not in injected(pod())["spec"]
    assert injected(pod(securityContext={"fsGroup": 5}))["spec"]["securityContext"] == {"fsGroup": 5}


def test_the_options_reach_the_sidecar() -> None:
    result = injected(
        pod(),
        image="registry.example/irsa-sidecar@sha256:" + "a" * 64,
        audience="my-audience",
        token_expiration=7200,
        settings={"SIDECAR_DURATION": "7200", "SIDECAR_GRACE": "5"},
    )
    sidecar = sidecar_of(result)
    assert sidecar["image"] == "registry.example/irsa-sidecar@sha256:" + "a" * 64
    assert variables(sidecar)["SIDECAR_DURATION"] == "7200"
    assert variables(sidecar)["SIDECAR_GRACE"] == "5"
    source = named(result["spec"]["volumes"])["sts-token"]["projected"]["sources"][0]["serviceAccountToken"]
    assert source == {"path": "token", "audience": "my-audience", "expirationSeconds": 7200}


def test_other_ports_are_told_to_the_kubelet_and_to_the_application() -> None:
    settings = {"SIDECAR_LISTEN": "127.0.0.1:9921", "SIDECAR_ADMIN_LISTEN": "[::]:9922"}
    result = injected(pod(), settings=settings)
    assert sidecar_of(result)["ports"] == [{"name": "irsa-sidecar", "containerPort": 9922}]
    application = variables(result["spec"]["containers"][0])
    assert application["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9921/v1/credentials"


def test_where_imds_is_imitated_the_application_is_told_so_and_not_kept_from_it() -> None:
    result = injected(pod(), settings={"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"})
    application = variables(result["spec"]["containers"][0])
    assert application["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://127.0.0.1:9913/"
    assert "AWS_EC2_METADATA_DISABLED" not in application


def test_without_the_container_endpoint_nothing_points_there() -> None:
    result = injected(pod(), settings={"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"})
    assert set(variables(result["spec"]["containers"][0])) == {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_REGION",
    }  # fmt: skip
    assert set(named(result["spec"]["volumes"])) == {"sts-token"}


def test_a_classic_sidecar_is_an_ordinary_container_with_time_to_drain() -> None:
    result = injected(pod(), classic=True)
    assert "initContainers" not in result["spec"]
    sidecar, app = result["spec"]["containers"]
    assert (sidecar["name"], app["name"]) == ("irsa-sidecar", "app")
    assert "restartPolicy" not in sidecar
    assert "SIDECAR_GRACE" not in variables(sidecar)


def test_a_classic_sidecar_that_was_injected_last_comes_first_again() -> None:
    document = injected(pod(), classic=True)
    document["spec"]["containers"].reverse()
    assert [container["name"] for container in injected(document, classic=True)["spec"]["containers"]] == [
        "irsa-sidecar", "app",
    ]  # fmt: skip


def test_kubectl_takes_the_container_that_it_took_before_a_classic_sidecar_came_first() -> None:
    document = pod(containers=[{"name": "web"}, {"name": "proxy"}])
    annotations = injected(document, classic=True)["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/default-container"] == "web"
    assert "kubectl.kubernetes.io/default-container" not in injected(document)["metadata"]["annotations"]


def test_a_default_container_of_the_pods_own_stays() -> None:
    document = pod(containers=[{"name": "web"}, {"name": "proxy"}])
    document["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "proxy"}
    assert injected(document, classic=True)["metadata"]["annotations"].items() >= {
        ("kubectl.kubernetes.io/default-container", "proxy")
    }
    assert remove(injected(document, classic=True)).document == document


@pytest.mark.parametrize("classic", [False, True])
def test_a_service_that_names_its_target_port_does_not_find_the_sidecar(classic: bool) -> None:
    """A Service takes the first port of the name, ordinary containers before native sidecars (kubernetes FindPort)."""
    document = pod(containers=[{"name": "web", "ports": [{"name": "admin", "containerPort": 8080}]}])
    spec = injected(document, classic=classic)["spec"]
    order = [*spec["containers"], *spec.get("initContainers", [])]
    found = [port["containerPort"] for each in order for port in each.get("ports", []) if port["name"] == "admin"]
    assert found == [8080]


def test_a_port_of_the_sidecars_name_is_an_error() -> None:
    (error,) = said(pod(containers=[{"name": "web", "ports": [{"name": "irsa-sidecar", "containerPort": 1}]}]))
    assert "the sidecar's port is called irsa-sidecar too; rename yours" in error


def test_a_classic_sidecar_would_keep_a_job_from_completing() -> None:
    (complaint,) = said(pod(restartPolicy="Never"), classic=True)
    assert complaint.startswith("error: Pod/app, restartPolicy: ")
    assert "leave out --classic" in complaint


# --- again, and out again --------------------------------------------------------------------------------------------

PODS = [
    pod(),
    pod(containers=[{"name": "app", "env": None, "volumeMounts": []}], volumes=None, initContainers=[]),
    pod(containers=[{"name": "app", "env": [{"name": "AWS_REGION", "value": "x"}]}, {"name": "b"}]),
    pod() | {"metadata": {"name": "app", "labels": {"irsa-sidecar": "enabled"}, "annotations": {}}},
]


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("document", PODS)
def test_twice_is_once(document: dict[str, Any], classic: bool) -> None:
    once = injected(document, classic=classic)
    assert injected(once, classic=classic) == once


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("document", PODS)
def test_removing_gives_back_what_was_there(document: dict[str, Any], classic: bool) -> None:
    assert remove(injected(document, classic=classic)).document == document


@pytest.mark.parametrize("document", PODS)
def test_other_options_replace_those_before(document: dict[str, Any]) -> None:
    before = injected(document, classic=True, settings={"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}, region="us-east-1")
    assert injected(before) == injected(document)


def test_what_a_user_added_since_stays() -> None:
    document = injected(pod())
    document["spec"]["volumes"].append({"name": "mine", "emptyDir": {}})
    document["spec"]["containers"].append({"name": "new", "env": [{"name": "AWS_REGION", "value": "us-east-1"}]})
    again = injected(document)
    assert {"name": "mine", "emptyDir": {}} in again["spec"]["volumes"]
    assert variables(again["spec"]["containers"][1])["AWS_REGION"] == "us-east-1"
    left = remove(again).document
    assert left["spec"]["volumes"] == [{"name": "mine", "emptyDir": {}}]
    assert left["spec"]["containers"][1]["env"] == [{"name": "AWS_REGION", "value": "us-east-1"}]


def test_a_sidecar_that_was_moved_behind_another_init_container_stays_there() -> None:
    document = injected(pod(initContainers=[{"name": "link-local"}]))
    document["spec"]["initContainers"] = [{"name": "link-local"}, document["spec"]["initContainers"][0]]
    again = injected(document, image="irsa-sidecar:9")
    assert [container["name"] for container in again["spec"]["initContainers"]] == ["link-local", "irsa-sidecar"]
    assert again["spec"]["initContainers"][0] == {"name": "link-local"}


def by_hand() -> dict[str, Any]:
    document = injected(pod())
    del document["metadata"]["annotations"]
    sidecar_of(document)["env"].append({"name": "SIDECAR_DURATION", "value": "7200"})
    return document


def test_a_sidecar_written_by_hand_is_replaced_and_its_settings_are_named() -> None:
    outcome = inject(by_hand(), options(image="irsa-sidecar:9"))
    assert [container["name"] for container in outcome.document["spec"]["initContainers"]] == ["irsa-sidecar"]
    assert sidecar_of(outcome.document)["image"] == "irsa-sidecar:9"
    assert len(outcome.document["spec"]["volumes"]) == 2
    (finding,) = outcome.findings
    assert finding.level is Level.WARNING
    assert "written manually" in finding.message
    assert "SIDECAR_DURATION: keep that with --set" in finding.message


def test_what_a_sidecar_written_by_hand_took_from_the_cluster_is_named_as_lost() -> None:
    document = by_hand()
    sources = [{"configMapRef": {"name": "settings"}}, {"prefix": "AWS_", "secretRef": {"name": "proxy"}}]
    sidecar_of(document)["envFrom"] = sources
    (warning,) = said(document)
    assert "SIDECAR_DURATION: keep that with --set" in warning
    assert "Its settings from ConfigMap settings, Secret proxy (envFrom) are lost: keep them with --set." in warning
    assert "envFrom" not in sidecar_of(injected(document))
    assert remove(document).document == remove(by_hand()).document


def test_a_sidecar_written_by_hand_can_be_taken_out() -> None:
    left = remove(by_hand()).document["spec"]
    assert left == pod()["spec"] | {"containers": left["containers"]}
    # These may be the application's own.
    assert set(variables(left["containers"][0])) == {"AWS_EC2_METADATA_DISABLED", "AWS_REGION", "AWS_DEFAULT_REGION"}


@pytest.mark.parametrize("spoilt", ["no JSON", "7", '"text"', '{"spec": 3}', "[1", None])
def test_a_spoilt_record_is_an_error(spoilt: str | None) -> None:
    document = injected(pod())
    document["metadata"]["annotations"]["irsa-sidecar/injected"] = spoilt or 5
    for outcome in (inject(document, options()), remove(document)):
        assert outcome.refused
        assert outcome.document == document
        assert "irsa-sidecar/injected was changed after inject wrote it" in outcome.findings[0].message


@pytest.mark.parametrize("record", ['{"spec":{"volumes":{"x":{"y":1}}}}', '{"spec":{"nodeName":["x"]}}', '{"a":["b"]}'])
def test_a_record_of_what_is_not_there_takes_nothing_out(record: str) -> None:
    document = pod(volumes=[{"name": "y"}])
    document["metadata"]["annotations"] = {"irsa-sidecar/injected": record}
    assert remove(document).document == document


# --- what is said ----------------------------------------------------------------------------------------------------


def test_an_ordinary_pod_gives_nothing_to_say() -> None:
    assert said(pod()) == []


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ],
)
def test_what_sdks_prefer_to_the_sidecar_is_named_without_its_value(name: str) -> None:
    document = pod(containers=[{"name": "app", "env": [{"name": name, "value": "a-secret"}]}])
    (warning,) = said(document)
    assert warning.startswith(f"warning: Pod/app, container app, env {name}: ")
    assert "remove it" in warning
    assert "a-secret" not in warning


def test_what_points_elsewhere_is_kept_and_named() -> None:
    theirs = {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"}
    document = pod(containers=[{"name": "app", "env": [theirs]}])
    assert theirs in injected(document)["spec"]["containers"][0]["env"]
    (warning,) = said(document)
    assert "unchanged, but the sidecar needs http://127.0.0.1:9911/v1/credentials" in warning


def test_metadata_disabled_keeps_sdks_from_the_imitated_imds() -> None:
    env = [{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}]
    (warning,) = said(pod(containers=[{"name": "app", "env": env}]), settings={"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"})
    assert "SDKs will not call the sidecar's IMDS endpoint" in warning


@pytest.mark.parametrize(
    ("port", "fix"),
    [(9911, "--set SIDECAR_LISTEN=127.0.0.1:PORT"), (9912, "--set SIDECAR_ADMIN_LISTEN=0.0.0.0:PORT")],
)
def test_a_port_that_is_taken_is_an_error_with_its_way_out(port: int, fix: str) -> None:
    document = pod(containers=[{"name": "app", "ports": [{"containerPort": port}]}])
    (error,) = said(document)
    assert error.startswith("error: ")
    assert fix in error
    other = {fix.removeprefix("--set ").partition("=")[0]: fix.partition("=")[2].replace("PORT", "9999")}
    assert said(document, settings=other) == []


def test_a_volume_of_the_same_name_is_an_error() -> None:
    (error,) = said(pod(volumes=[{"name": "sts-token", "emptyDir": {}}]))
    assert error == "error: Pod/app, volumes sts-token: the sidecar's volume has this name; rename yours."


@pytest.mark.parametrize("path", ["/var/run/irsa-sidecar/", "/var/run/irsa-sidecar/more", "/var/run//irsa-sidecar"])
def test_a_mount_at_the_same_place_or_below_is_an_error(path: str) -> None:
    mounts = [{"name": "x", "mountPath": path}]
    document = pod(containers=[{"name": "app", "volumeMounts": mounts}], volumes=[{"name": "x", "emptyDir": {}}])
    (error,) = said(document)
    assert "mount this elsewhere" in error


@pytest.mark.parametrize("path", ["/var/run", "/var/run/irsa-sidecar-of-mine"])
def test_a_mount_above_or_beside_is_none(path: str) -> None:
    assert said(pod(containers=[{"name": "app", "volumeMounts": [{"name": "x", "mountPath": path}]}])) == []


def test_a_label_of_another_value_is_kept_and_named() -> None:
    document = pod()
    document["metadata"]["labels"] = {"irsa-sidecar": "mine"}
    assert injected(document)["metadata"]["labels"] == {"irsa-sidecar": "mine"}
    (warning,) = said(document)
    assert warning.startswith("warning: Pod/app, metadata labels irsa-sidecar: unchanged; the PodMonitor selects")


def test_on_the_nodes_network_a_token_must_stand_before_every_way() -> None:
    (warning,) = said(pod(hostNetwork=True))
    assert warning.startswith("warning: Pod/app, hostNetwork: ")
    assert any(line.startswith("error: Pod/app, hostNetwork: ") for line in said(
        pod(hostNetwork=True), settings={"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}
    ))  # fmt: skip


def test_a_link_local_address_needs_an_init_container() -> None:
    (warning,) = said(pod(), settings={"SIDECAR_IMDS_LISTEN": "169.254.169.254:80"})
    assert "the init container that docs/ways.md shows" in warning


def test_the_default_service_account_is_everybodys() -> None:
    document = pod()
    del document["spec"]["serviceAccountName"]
    (warning,) = said(document)
    assert "give this pod a service account of its own" in warning


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"os": {"name": "windows"}}, "os"),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, "nodeSelector"),
        ({"nodeSelector": {"beta.kubernetes.io/os": "windows"}}, "nodeSelector"),
    ],
)
def test_windows_is_refused(spec: dict[str, Any], place: str) -> None:
    (error,) = said(pod(**spec))
    assert error.startswith(f"error: Pod/app, {place}: the sidecar's image is for Linux; ")


def test_a_node_of_linux_is_none_of_windows() -> None:
    assert said(pod(os={"name": "linux"}, nodeSelector={"kubernetes.io/os": "linux", "zone": "windows"})) == []


def test_classic_leaves_init_containers_without_credentials_and_says_so() -> None:
    document = pod(initContainers=[{"name": "migrate"}])
    (warning,) = said(document, classic=True)
    assert "they get no credentials" in warning
    assert injected(document, classic=True)["spec"]["initContainers"] == [{"name": "migrate"}]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"containers": []}, "spec: has no containers"),
        ({"containers": {"name": "app"}}, "spec: has no containers"),
        ({"containers": [{"image": "x"}]}, "containers: has an item without name"),
        ({"containers": ["app", {"name": "b"}]}, "containers: has an item without name"),
        ({"containers": [{"name": "app", "env": {"A": "b"}}]}, "container app, env: is not a list"),
        ({"containers": [{"name": "app", "volumeMounts": [{}]}]}, "volumeMounts: has an item without mountPath"),
        ({"volumes": "none"}, "volumes: is not a list"),
    ],
)
def test_what_is_no_pod_is_an_error_and_not_a_traceback(spec: dict[str, Any], place: str) -> None:
    outcome = inject(pod(**spec), options())
    assert outcome.refused
    assert any(place in finding.message for finding in outcome.findings)
    assert remove(pod(**spec)).refused


def test_labels_that_are_no_mapping_are_an_error() -> None:
    document = pod()
    document["metadata"]["labels"] = ["a"]
    assert inject(document, options()).refused
    assert inject({"apiVersion": "v1", "kind": "Pod", "metadata": [], "spec": pod()["spec"]}, options()).refused


# --- the role --------------------------------------------------------------------------------------------------------


def role_of(outcome: ChangedDocument) -> str:
    role: str = variables(sidecar_of(outcome.document))["AWS_ROLE_ARN"]
    return role


def test_without_a_role_nothing_is_injected() -> None:
    outcome = inject(pod(), options(role_arn=""))
    assert outcome.refused
    assert "--role-arn: required" in outcome.findings[0].message


def test_the_service_accounts_annotation_is_the_default_and_calls_the_webhook() -> None:
    outcome = inject(pod(), options(role_arn="", surroundings=Surroundings((Account("", "app", ROLE),))))
    assert role_of(outcome) == ROLE
    (warning,) = outcome.findings
    assert "Remove the annotation" in warning.message


def test_a_pods_own_annotation_comes_before_what_is_said_of_all_pods() -> None:
    own = "arn:aws:iam::111122223333:role/own"
    document = pod() | {"metadata": {"name": "app", "annotations": {"irsa-sidecar/role-arn": own}}}
    assert role_of(inject(document, options())) == own
    assert not inject(document, options(role_arn="")).refused


def test_an_account_of_another_name_or_namespace_does_not_count() -> None:
    document = pod() | {"metadata": {"name": "app", "namespace": "one"}}
    accounts = (Account("two", "app", ROLE), Account("one", "other", ROLE))
    assert inject(document, options(role_arn="", surroundings=Surroundings(accounts))).refused
    assert not inject(
        document, options(role_arn="", surroundings=Surroundings((*accounts, Account("one", "app", ROLE))))
    ).refused


def test_an_annotation_that_names_no_role_is_an_error() -> None:
    outcome = inject(pod(), options(role_arn="", surroundings=Surroundings((Account("", "app", "payments"),))))
    assert outcome.refused
    assert "'payments' is not the ARN of an IAM role" in outcome.findings[0].message


def test_another_servers_role_is_taken_with_its_endpoint_and_one_word_of_caution() -> None:
    role, endpoint = "arn:minio:iam:::role/x", {"AWS_ENDPOINT_URL_STS": "https://minio.example"}
    outcome = inject(pod(), options(role_arn=role, settings=endpoint))
    (finding,) = outcome.findings
    assert (finding.level, role in finding.message) == (Level.WARNING, True)
    with pytest.raises(BadOptions, match="AWS_ENDPOINT_URL_STS"):
        options(role_arn=role)


# --- the options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"role_arn": "app"}, "--role-arn: 'app' is not the ARN of an IAM role"),
        ({"region": ""}, "--region: required"),
        ({"region": "Europe"}, "--region: 'Europe' is not a region"),
        ({"region": "aws-global"}, "'aws-global' means the global endpoint"),
        ({"image": "Not an image"}, "--image: 'Not an image' is not an image"),
        ({"audience": ""}, "--audience: '' is not an audience"),
        ({"token_expiration": 599}, "--token-expiration: 599 is not allowed; 600 to 86400"),
        ({"token_expiration": 86401}, "--token-expiration: 86401 is not allowed"),
        ({"settings": {"SIDECAR_DURATION": "1"}}, "SIDECAR_DURATION: '1' is not a duration"),
        ({"settings": {"SIDECAR_DURATON": "900"}}, "unknown setting; did you mean SIDECAR_DURATION?"),
        ({"settings": {"PATH": "/"}}, "--set PATH: unknown setting"),
        ({"settings": {"AWS_ROLE_ARN": ROLE}}, "--set AWS_ROLE_ARN: use --role-arn"),
        ({"settings": {"SIDECAR_AUTH_TOKEN": "hush"}}, "--set SIDECAR_AUTH_TOKEN: inject sets it from the pod's UID"),
        ({"settings": {"SIDECAR_CREDENTIALS_FILE": "/a/b"}}, "it needs a volume"),
        ({"settings": {"SIDECAR_LISTEN": "127.0.0.1:9911, unix:/run/s"}}, "has a Unix socket: it needs a volume that"),
        ({"settings": {"SIDECAR_ADMIN_LISTEN": "unix:/a,0.0.0.0:9912"}}, "--set SIDECAR_ADMIN_LISTEN: 'unix:/a,0"),
        ({"settings": {"SIDECAR_IMDS_LISTEN": "unix:/a"}}, "--set SIDECAR_IMDS_LISTEN: 'unix:/a' has a Unix socket"),
        ({"settings": {"SIDECAR_ECS_LISTEN": "unix:/a"}}, "write that pod manually (see docs/ways.md)"),
        ({"settings": {"HTTPS_PROXY": "http://u:hush@p:1"}}, "--set HTTPS_PROXY: a password does not belong"),
        ({"settings": {"AWS_CA_BUNDLE": "ca.pem"}}, "AWS_CA_BUNDLE: 'ca.pem' is not an absolute path"),
        ({"settings": {"SIDECAR_ADMIN_LISTEN": "127.0.0.1:9912"}}, "SIDECAR_ADMIN_LISTEN: the kubelet calls the"),
        ({"settings": {"SIDECAR_LISTEN": "127.0.0.2:1"}}, "SIDECAR_LISTEN: 127.0.0.1 is the one address"),
        ({"settings": {"SIDECAR_LISTEN": "off"}}, "no client could get credentials"),
        ({"settings": {"SIDECAR_ECS_LISTEN": "0.0.0.0:80"}}, "can be reached from outside the pod"),
    ],
)  # fmt: skip
def test_what_the_sidecar_would_refuse_is_refused_here(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadOptions) as refused:
        options(**changes)
    assert complaint in str(refused.value)
    assert "hush" not in str(refused.value)


def test_complaints_come_together() -> None:
    with pytest.raises(BadOptions) as refused:
        options(image="!", token_expiration=1, settings={"NO": "1", "SIDECAR_AUTH_TOKEN_FILE": "/x"})
    assert len(refused.value.complaints) == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"AWS_ENDPOINT_URL_STS": "https://sts.example"},
        {"AWS_CA_BUNDLE": "/etc/ca.pem"},
        {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.0.0.0/8"},
        {"SIDECAR_LISTEN": "0.0.0.0:9911"},
    ],
)
def test_other_settings_are_passed_on(settings: dict[str, str]) -> None:
    assert settings.items() <= variables(sidecar_of(injected(pod(), settings=settings))).items()


def test_a_ca_bundle_is_passed_on_with_the_word_that_nothing_is_mounted() -> None:
    (caution,) = options(image=IMAGE, settings={"AWS_CA_BUNDLE": "/etc/ca.pem"}).cautions()
    assert caution.startswith("--set AWS_CA_BUNDLE: inject mounts no file at /etc/ca.pem")


@pytest.mark.parametrize("image", [IMAGE, "localhost/s", "host:5000/s", "a.example/b/s@sha256:" + "a" * 64])
def test_an_image_with_a_registry_needs_no_word(image: str) -> None:
    assert list(options(image=image).cautions()) == []


@pytest.mark.parametrize("image", ["irsa-sidecar:1.0", "team/irsa-sidecar"])
def test_an_image_without_a_registry_gets_one(image: str) -> None:
    (caution,) = options(image=image).cautions()
    assert caution.endswith(f"--image REGISTRY/{image}.")


def test_an_endpoint_needs_no_region() -> None:
    result = injected(pod(), region="", settings={"AWS_ENDPOINT_URL_STS": "https://sts.example"})
    assert "AWS_REGION" not in variables(sidecar_of(result))
    assert "AWS_REGION" not in variables(result["spec"]["containers"][0])
    assert REGION not in str(result)
