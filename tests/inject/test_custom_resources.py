"""Pods inside custom resources get the sidecar, or are named: never passed by in silence."""

from typing import Any

import pytest
import yaml

from sidecar.inject import Level, inject, remove
from tests.inject.kit import ARGUMENTS, Command, options

TEMPLATE = {"spec": {"serviceAccountName": "app", "containers": [{"name": "app", "image": "app:1"}]}}
KNOWN: dict[str, dict[str, Any]] = {
    "Rollout": {"apiVersion": "argoproj.io/v1alpha1", "spec": {"replicas": 2, "template": TEMPLATE}},
    "ScaledJob": {"apiVersion": "keda.sh/v1alpha1", "spec": {"jobTargetRef": {"template": TEMPLATE}}},
    "DeploymentConfig": {"apiVersion": "apps.openshift.io/v1", "spec": {"template": TEMPLATE}},
    "CloneSet": {"apiVersion": "apps.kruise.io/v1alpha1", "spec": {"template": TEMPLATE}},
    "StatefulSet": {"apiVersion": "apps.kruise.io/v1beta1", "spec": {"template": TEMPLATE}},
    "JobSet": {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "spec": {"replicatedJobs": [{"name": name, "template": {"spec": {"template": TEMPLATE}}} for name in "ab"]},
    },
}
UNKNOWN: dict[str, dict[str, Any]] = {
    "Service": {"apiVersion": "serving.knative.dev/v1", "spec": {"template": TEMPLATE}},
    "Job": {"apiVersion": "batch.volcano.sh/v1alpha1", "spec": {"tasks": [{"template": TEMPLATE}]}},
    "Workflow": {"apiVersion": "argoproj.io/v1alpha1", "spec": {"templates": [{"container": {"image": "a"}}]}},
    "Task": {"apiVersion": "tekton.dev/v1", "spec": {"steps": [{"name": "a", "image": "a"}]}},
    "Prometheus": {"apiVersion": "monitoring.coreos.com/v1", "spec": {"containers": [{"name": "a", "image": "a"}]}},
    "PodTemplate": {"apiVersion": "v1", "template": TEMPLATE},
    "Deployment": {"apiVersion": "example.com/v1", "spec": {"template": TEMPLATE}},
}
NO_PODS: dict[str, dict[str, Any]] = {
    "Service": {"apiVersion": "v1", "spec": {"ports": []}},
    "ConfigMap": {"apiVersion": "v1", "data": {"image": "x", "containers": "y"}},
    "Rollout": {"apiVersion": "argoproj.io/v1alpha1", "spec": {"workloadRef": {"kind": "Deployment", "name": "a"}}},
    "CustomResourceDefinition": {"apiVersion": "apiextensions.k8s.io/v1", "spec": {"template": TEMPLATE}},
}


def named(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": document["apiVersion"], "kind": kind, "metadata": {"name": "it"}, **document}


def text(kind: str, document: dict[str, Any]) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _: Any) -> bool:
            return True

    return yaml.dump(named(kind, document), Dumper=Plain, sort_keys=False)


@pytest.mark.parametrize(("kind", "document"), KNOWN.items(), ids=KNOWN.keys())
def test_a_kind_that_runs_its_template_as_written_gets_the_sidecar_in_each(
    kind: str, document: dict[str, Any], command: Command
) -> None:
    before = text(kind, document)
    code, out, err = command.run(before, *ARGUMENTS)
    assert code == 0, err
    assert out.count("- name: irsa-sidecar\n          image") + out.count("- name: irsa-sidecar\n") >= before.count(
        "image:"
    )
    assert err.count("must keep restartPolicy in init containers") == before.count("image:")
    assert command.removed(out) == before


def test_the_sidecar_is_in_the_template_and_nowhere_else() -> None:
    document = named("Rollout", KNOWN["Rollout"])
    outcome = inject(document, options())
    spec = outcome.document["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["initContainers"]] == ["irsa-sidecar"]
    assert outcome.document["spec"]["template"]["metadata"]["labels"] == {"irsa-sidecar": "enabled"}
    assert outcome.document["metadata"] == {"name": "it"}
    assert remove(outcome.document).document == document


def test_before_1_29_no_definition_can_drop_anything() -> None:
    document = named("Rollout", KNOWN["Rollout"])
    assert inject(document, options(classic=True)).findings == ()


@pytest.mark.parametrize(
    ("kind", "document"), UNKNOWN.items(), ids=[f"{k} {d['apiVersion']}" for k, d in UNKNOWN.items()]
)
def test_every_other_kind_with_containers_is_named_and_unchanged(
    kind: str, document: dict[str, Any], command: Command
) -> None:
    before = text(kind, document)
    code, out, err = command.run(before, *ARGUMENTS)
    assert (code, out) == (2, before)
    assert f"warning: {kind}/it ({document['apiVersion']}): unchanged, though there are containers in it" in err


def test_it_is_named_beside_others_and_in_a_list_with_its_line(command: Command) -> None:
    deployment = text("Deployment", KNOWN["Rollout"] | {"apiVersion": "apps/v1"})
    service = text("Service", UNKNOWN["Service"]).replace("\n", "\n  ").rstrip()
    whole = f"{deployment}---\napiVersion: v1\nkind: List\nitems:\n- {service}\n"
    code, out, err = command.run(whole, *ARGUMENTS)
    assert (code, "- name: irsa-sidecar" in out) == (0, True)
    line = next(number for number, line in enumerate(whole.splitlines(), 1) if "- name: app" in line and number > 20)
    assert f"<stdin>:{line}: warning: Service/it (serving.knative.dev/v1): unchanged" in err


def test_a_rollout_that_takes_another_workloads_template_names_it_if_it_is_not_there(command: Command) -> None:
    rollout = text("Rollout", NO_PODS["Rollout"])
    other = text("Deployment", KNOWN["Rollout"] | {"apiVersion": "apps/v1"}).replace("name: it", "name: a", 1)
    code, out, err = command.run(rollout, *ARGUMENTS)
    assert (code, out) == (2, rollout)
    assert "<stdin>:7: warning: Rollout/it: its pods are made from Deployment/a, which is not in these files" in err
    assert "its pods are made from" not in command.run(f"{rollout}---\n{other}", *ARGUMENTS)[2]


@pytest.mark.parametrize(("kind", "document"), NO_PODS.items(), ids=NO_PODS.keys())
def test_what_holds_no_pods_is_passed_by(kind: str, document: dict[str, Any], command: Command) -> None:
    before = text(kind, document)
    code, out, err = command.run(before, *ARGUMENTS)
    assert (code, out) == (2, before)
    assert "unchanged, though" not in err


def test_only_what_is_asked_for_is_named(command: Command) -> None:
    both = text("Service", UNKNOWN["Service"])
    assert "unchanged, though" not in command.run(both, *ARGUMENTS, "--only", "Deployment/web")[2]
    assert "unchanged, though" in command.run(both, *ARGUMENTS, "--only", "Service/it")[2]


def test_removing_says_nothing_of_them(command: Command) -> None:
    assert "unchanged, though" not in command.run(text("Service", UNKNOWN["Service"]), "--remove")[2]


def test_one_that_is_no_yaml_passes(command: Command) -> None:
    broken = "kind: Service\nspec: {{ containers: }} image:\n"
    deployment = text("Deployment", KNOWN["Rollout"] | {"apiVersion": "apps/v1"})
    assert command.injected(f"{broken}---\n{deployment}").startswith(broken)


def test_items_of_a_typed_list_need_not_say_what_they_are() -> None:
    item = {"metadata": {"name": "web"}, "spec": {"template": TEMPLATE}}
    document = {"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [item]}
    outcome = inject(document, options())
    assert not any(each.level is Level.ERROR for each in outcome.findings)
    assert outcome.document["items"][0]["spec"]["template"]["spec"]["initContainers"][0]["name"] == "irsa-sidecar"
    assert outcome.document["items"][0].keys() == item.keys()
    assert remove(outcome.document).document == document
