"""Each container its own role: profiles from a ConfigMap, and a token that only its container can read."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sidecar.inject import BadOptions, inject, remove
from sidecar.inject.container_roles import ContainerRoles
from sidecar.inject.surroundings import surroundings_of
from sidecar.settings.config import load
from tests.inject.kit import ARGUMENTS, Command, named, options, pod

CONFIG = """\
[profile reports]
role_arn = arn:aws:iam::111122223333:role/reports
sidecar_authorization_token_file = /var/run/irsa-sidecar-roles/reports/authorization-token
sidecar_authorization_token_mode = 0644

[profile audit]
role_arn = arn:aws:iam::444455556666:role/audit
source_profile = default
sidecar_authorization_token_file = /var/run/irsa-sidecar-roles/audit/authorization-token
sidecar_authorization_token_mode = 0644
"""
ARN = "arn:aws:iam::111122223333:role/reports"
ROLES = ContainerRoles("roles", {"reports": "reports", "auditor": "audit"})
POD = pod(containers=[{"name": "web"}, {"name": "reports"}, {"name": "auditor"}])


def chosen(config_map: str, **by_container: str) -> ContainerRoles:
    return ContainerRoles.chosen(config_map, list(by_container.items()))


def config_map(config: str = CONFIG, **metadata: str) -> dict[str, Any]:
    metadata = {"name": "roles"} | metadata
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config": config}}


def said(document: dict[str, Any], *others: dict[str, Any], roles: ContainerRoles = ROLES) -> list[str]:
    outcome = inject(document, options(roles=roles, surroundings=surroundings_of([document, *others])))
    return [f"{finding.level}: {finding.message}" for finding in outcome.findings]


@pytest.fixture
def spec() -> dict[str, Any]:
    around = surroundings_of([POD, config_map()])
    outcome = inject(POD, options(roles=ROLES, surroundings=around))
    assert outcome.findings == ()
    found: dict[str, Any] = outcome.document["spec"]
    return found


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container["env"]}


def mounted(container: dict[str, Any]) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize(("container", "profile"), ROLES.by_container.items())
def test_a_container_asks_for_its_role_with_the_token_in_its_file(
    container: str, profile: str, spec: dict[str, Any]
) -> None:
    found = variables(named(spec["containers"])[container])
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"http://127.0.0.1:9911/v1/credentials/{profile}"
    assert found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == "/var/run/irsa-sidecar/authorization-token"
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN" not in found


def test_one_without_a_role_of_its_own_has_the_default(spec: dict[str, Any]) -> None:
    found = variables(named(spec["containers"])["web"])
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9911/v1/credentials"
    assert mounted(named(spec["containers"])["web"]) == {"/var/run/irsa-sidecar": "authorization-token"}


@pytest.mark.parametrize("address", ["127.0.0.1:9913", "169.254.169.254:80"])
def test_it_is_not_led_to_the_default_roles_metadata(address: str) -> None:
    """An SDK that goes on to IMDS where the endpoint fails would take another role's credentials."""
    wanted = options(roles=chosen("", reports=ARN), settings={"SIDECAR_IMDS_LISTEN": address})
    containers = named(inject(POD, wanted).document["spec"]["containers"])

    assert variables(containers["reports"])["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "AWS_EC2_METADATA_SERVICE_ENDPOINT" not in variables(containers["reports"])
    assert "AWS_EC2_METADATA_DISABLED" not in variables(containers["web"])


def test_only_the_sidecar_and_its_container_see_a_roles_token(spec: dict[str, Any]) -> None:
    for container, profile in ROLES.by_container.items():
        volume = f"irsa-sidecar-role-{profile}"
        assert named(spec["volumes"])[volume]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Mi"}
        seeing = [each["name"] for each in spec["containers"] if volume in mounted(each).values()]
        assert seeing == [container]
        assert mounted(spec["initContainers"][0])[f"/var/run/irsa-sidecar-roles/{profile}"] == volume
        (mount,) = named(spec["containers"])[container]["volumeMounts"]
        assert mount["readOnly"] is True


def test_the_sidecar_would_run_with_these_profiles(spec: dict[str, Any], tmp_path: Path) -> None:
    environ = {name: value for name, value in variables(spec["initContainers"][0]).items() if isinstance(value, str)}
    assert environ["AWS_CONFIG_FILE"] == "/etc/irsa-sidecar/config"
    (tmp_path / "config").write_text(CONFIG)
    config = load(environ | {"AWS_CONFIG_FILE": str(tmp_path / "config"), "SIDECAR_AUTH_TOKEN": "uid"}, [])
    for profile in ROLES.by_container.values():
        role = config.roles.by_name[profile]
        assert role.auth_token_file is not None
        assert str(role.auth_token_file.parent) in mounted(spec["initContainers"][0])
        assert role.auth_token_file.name == "authorization-token"
        assert role.auth_token_mode == 0o644


def test_it_is_taken_out_again() -> None:
    outcome = inject(POD, options(roles=ROLES))
    assert remove(outcome.document).document == POD
    assert inject(outcome.document, options()).document == inject(POD, options()).document


def test_profiles_without_containers_are_served_to_all_by_their_paths() -> None:
    document = inject(POD, options(roles=ContainerRoles("roles"))).document
    assert variables(document["spec"]["initContainers"][0])["SIDECAR_PROFILES"] == "*"
    assert mounted(document["spec"]["containers"][1]) == {"/var/run/irsa-sidecar": "authorization-token"}


def test_a_config_map_that_is_not_there_is_named_with_what_it_must_hold() -> None:
    (warning,) = said(POD)
    assert warning.startswith(
        "warning: Pod/app, spec: ConfigMap roles cannot be seen here; it must hold the key config"
    )
    assert "sidecar_authorization_token_file = /var/run/irsa-sidecar-roles/reports/authorization-token" in warning


def test_a_profile_that_every_container_could_ask_for_is_an_error() -> None:
    open_to_all = CONFIG.replace("sidecar_authorization_token_file = /var/run/irsa-sidecar-roles/audit", "#")
    (error,) = said(POD, config_map(open_to_all))
    assert error.startswith("error: Pod/app, spec: [profile audit] needs the line sidecar_authorization_token_file = ")
    assert "without it every container of the pod gets that role" in error


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (config_map(CONFIG.replace("profile audit", "profile other")), "the ConfigMap has no [profile audit]"),
        (config_map() | {"data": {"other": ""}}, "ConfigMap roles has no key config"),
    ],
)
def test_a_config_map_that_does_not_hold_it_is_an_error(config: dict[str, Any], complaint: str) -> None:
    (error,) = said(POD, config)
    assert error == f"error: Pod/app, spec: {complaint}."


def test_profiles_are_read_as_the_sidecar_reads_them() -> None:
    """A bracket begins a section only at the beginning of a line, and one without `profile` is none."""
    bracket = CONFIG.replace("role_arn", "endpoint_url = https://[fd00::1]:8443\n# see [the wiki]\nrole_arn")
    assert said(POD, config_map(bracket)) == []
    (error,) = said(POD, config_map(CONFIG.replace("[profile audit]", "[audit]")))
    assert error == "error: Pod/app, spec: the ConfigMap has no [profile audit]."
    (error,) = said(POD, config_map("role_arn = secret"))
    assert "not a config file: line 1 stands before the first [section]" in error
    assert "secret" not in error


def test_a_token_that_another_user_could_not_read_is_warned_of() -> None:
    closed = CONFIG.replace("sidecar_authorization_token_mode = 0644\n", "", 1)
    (warning,) = said(POD, config_map(closed))
    assert "[profile reports] needs the line sidecar_authorization_token_mode = 0644" in warning
    assert said(POD | {"spec": POD["spec"] | {"securityContext": {"fsGroup": 5}}}, config_map(closed)) == []


def test_a_container_that_is_not_there_is_named() -> None:
    roles = ContainerRoles("roles", {"reports": "reports", "nobody": "audit"})
    (warning,) = said(POD, config_map(), roles=roles)
    assert "has no container nobody, for which --container-role names audit" in warning


def test_the_token_of_another_role_in_a_variable_is_named() -> None:
    env = [{"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN", "value": "a-secret"}]
    document = pod(containers=[{"name": "reports", "env": env}])
    (warning,) = said(document, config_map(), roles=ContainerRoles("roles", {"reports": "reports"}))
    assert "env AWS_CONTAINER_AUTHORIZATION_TOKEN: is not the token of the role reports; remove it" in warning
    assert "a-secret" not in warning


@pytest.mark.parametrize("name", ["irsa-sidecar-profiles", "irsa-sidecar-role-reports"])
def test_our_volumes_names_are_taken(name: str) -> None:
    document = pod(volumes=[{"name": name, "emptyDir": {}}])
    assert any("the sidecar's volume has this name; rename yours" in line for line in said(document, config_map()))


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        (chosen("", a="b"), "--container-role: b is not the ARN of an IAM role"),
        (chosen("", default=ARN), "--container-role: default: a container with a role of its own is called otherwise"),
        (chosen("A B"), "--profiles: A B is not the name of a ConfigMap."),
        (chosen("roles", a="default"), "--container-role: a=default: the default role is that of each container that"),
        (chosen("roles", a="No_Volume"), "--container-role: No_Volume is not a profile's name that a volume can have"),
    ],
)
def test_roles_that_cannot_be_are_refused(roles: ContainerRoles, complaint: str) -> None:
    with pytest.raises(BadOptions) as refused:
        options(roles=roles)
    assert complaint in str(refused.value)


@pytest.mark.parametrize("name", ["AWS_CONFIG_FILE", "SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"])
def test_they_are_no_settings(name: str) -> None:
    with pytest.raises(BadOptions, match=f"--set {name}: "):
        options(settings={name: "x"})


def test_the_flags_say_the_same(command: Command) -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {serviceAccountName: a, containers: [{name: reports}]}\n"
    )
    code, out, err = command.run(text, *ARGUMENTS, "--profiles", "roles", "--container-role", "reports=reports")
    assert (code, "v1/credentials/reports" in out) == (0, True)
    assert "ConfigMap roles cannot be seen here" in err
    assert command.removed(out) == text
    assert command.run(text, *ARGUMENTS, "--container-role", "reports")[0] == 2


# --- by a pod's annotations ------------------------------------------------------------------------------------------


LINES = {"reports": ARN, "auditor": "arn:aws:iam::444455556666:role/audit"}


def asking(lines: str, **more: str) -> dict[str, Any]:
    annotations = {"irsa-sidecar/container-roles": lines} | more
    return POD | {"metadata": {"name": "app", "annotations": annotations}}


def injected_spec(document: dict[str, Any], roles: ContainerRoles | None = None) -> dict[str, Any]:
    outcome = inject(document, options(roles=roles or ContainerRoles()))
    assert not outcome.refused
    found: dict[str, Any] = outcome.document["spec"]
    return found


@pytest.mark.parametrize(
    ("asked", "roles"),
    [
        (asking("\n".join(map("=".join, LINES.items()))), chosen("", **LINES)),
        (asking("reports=reports\nauditor=audit", **{"irsa-sidecar/profiles": "roles"}), ROLES),
        (asking("", **{"irsa-sidecar/profiles": "roles"}), ContainerRoles("roles")),
    ],
)
def test_a_pods_annotations_say_the_same_as_the_options(asked: dict[str, Any], roles: ContainerRoles) -> None:
    assert injected_spec(asked) == injected_spec(POD, roles)


def test_a_pods_annotations_go_before_the_options() -> None:
    asked = asking(f"web={ARN}")

    assert injected_spec(asked, ROLES) == injected_spec(asked)


def test_the_sidecar_would_run_with_the_roles_of_arns(tmp_path: Path) -> None:
    outcome = inject(asking("\n".join(map("=".join, LINES.items()))), options())
    text = outcome.document["metadata"]["annotations"]["irsa-sidecar/config"]
    (tmp_path / "config").write_text(text)
    sidecar = outcome.document["spec"]["initContainers"][0]
    environ = {name: value for name, value in variables(sidecar).items() if isinstance(value, str)}

    config = load(environ | {"AWS_CONFIG_FILE": str(tmp_path / "config"), "SIDECAR_AUTH_TOKEN": "uid"}, [])

    assert config.roles.by_name.keys() == {"default", *LINES}
    for container, arn in LINES.items():
        role = config.roles.by_name[container]
        assert role.auth_token_file is not None
        assert (str(role.role_arn), role.auth_token_mode) == (arn, 0o644)
        assert mounted(sidecar)[str(role.auth_token_file.parent)] == f"irsa-sidecar-role-{container}"


def test_what_an_annotation_led_to_is_taken_out_again() -> None:
    asked = asking(f"reports={ARN}")
    outcome = inject(asked, options())

    assert "irsa-sidecar/config" in outcome.document["metadata"]["annotations"]
    assert remove(outcome.document).document == asked
    assert inject(outcome.document, options()).document == outcome.document


@pytest.mark.parametrize("asked", [asking(f"reports={ARN}"), asking("reports=a", **{"irsa-sidecar/profiles": "roles"})])
def test_a_sidecar_without_the_record_of_it_is_replaced_with_its_roles(asked: dict[str, Any]) -> None:
    """As the cluster adds it, or where the record was spoilt and then deleted."""
    injected = inject(asked, options()).document
    bare = deepcopy(injected)
    del bare["metadata"]["annotations"]["irsa-sidecar/injected"]

    outcome = inject(bare, options())

    assert not outcome.refused
    assert "It also set" not in outcome.findings[0].message
    for container, wanted in zip(outcome.document["spec"]["containers"], injected["spec"]["containers"], strict=True):
        assert (variables(container), mounted(container)) == (variables(wanted), mounted(wanted))
    assert outcome.document["spec"]["volumes"] == injected["spec"]["volumes"]
    assert outcome.document["spec"]["initContainers"] == injected["spec"]["initContainers"]
    assert "irsa-sidecar-role" not in str(remove(bare).document)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("reports", "reports is not a line CONTAINER=ROLE"),
        (f"backup={ARN}", "backup: the pod has no such container"),
        (f"reports={ARN}\nreports={ARN}", "reports: two roles for this container; leave out one"),
        ("reports=reports", "reports is not the ARN of an IAM role"),
    ],
)
def test_lines_that_cannot_be_are_refused_in_a_sentence(lines: str, sentence: str) -> None:
    found = said(asking(lines), roles=ContainerRoles())
    assert found == [f"error: Pod/app, metadata annotations irsa-sidecar/container-roles: {sentence}."]


def test_an_arn_needs_the_token_that_pod_identity_leaves_out() -> None:
    (finding,) = inject(asking(f"reports={ARN}"), options(role_arn="", pod_identity=True)).findings
    assert "with --pod-identity there is no token for the role of an ARN; use --profiles" in finding.message


def test_the_flag_takes_an_arn(command: Command) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {serviceAccountName: a, containers: [{name: web}]}\n"
    code, out, err = command.run(text, *ARGUMENTS, "--container-role", f"web={ARN}")
    assert (code, err) == (0, "")
    assert "v1/credentials/web" in out
    assert command.removed(out) == text
    code, _, err = command.run(text, *ARGUMENTS, "--container-role", f"web={ARN}", "--container-role", f"web={ARN}")
    assert (code, err) == (
        2,
        "irsa-sidecar inject: --container-role: web: two roles for this container; leave out one.\n",
    )
