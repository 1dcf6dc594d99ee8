"""The Helm chart with the webhook in the place of the policies: what `kubectl apply -k` makes, for any values."""

from argparse import ArgumentParser

import pytest
import yaml

from sidecar.inject import Options
from sidecar.inject.arguments import add_sidecar_options, described
from sidecar.inject.resources import Resources
from tests.chart.helm import EVERYTHING, NAMESPACE, Helm, HelmRefused, Manifest
from tests.chart.test_chart import comparable
from tests.manifests.rendering import MANIFESTS, rendered

WEBHOOK = ("--set=region=eu-west-1", "--set=injection=webhook")


def test_it_renders_what_kubectl_applies(helm: Helm) -> None:
    manifests = list(yaml.safe_load_all(rendered(MANIFESTS / "webhook-cert-manager")))
    for document in manifests:
        document["metadata"].pop("namespace", None)

    found = comparable(helm.render(*WEBHOOK, kubernetes="1.35.0"))

    for document in found.values():
        document["metadata"].pop("namespace", None)
    deployment = found["Deployment irsa-sidecar-webhook"]
    container_of(deployment)["args"] = container_of(deployment)["args"][:3]
    assert found == comparable(manifests)


def test_cert_manager_tells_the_api_server_the_ca(helm: Helm) -> None:
    (configuration,) = of_kind(helm.render(*WEBHOOK), "MutatingWebhookConfiguration")

    assert configuration["metadata"]["annotations"] == {
        "cert-manager.io/inject-ca-from": f"{NAMESPACE}/irsa-sidecar-webhook"
    }


def test_a_certificate_of_your_own_needs_no_cert_manager(helm: Helm) -> None:
    documents = helm.render(*WEBHOOK, "--set=webhook.certManager=false", "--set=webhook.caBundle=Q0E=")

    (configuration,) = of_kind(documents, "MutatingWebhookConfiguration")
    assert configuration["webhooks"][0]["clientConfig"]["caBundle"] == "Q0E="
    assert not [document for document in documents if document["apiVersion"].startswith("cert-manager.io/")]


def test_without_any_certificate_it_is_refused(helm: Helm) -> None:
    with pytest.raises(HelmRefused, match=r"webhook\.caBundle is needed"):
        helm.render(*WEBHOOK, "--set=webhook.certManager=false")


def test_its_pods_get_what_the_values_say(helm: Helm) -> None:
    values = (f"--values={EVERYTHING}", "--set=resources.limits.memory=null", "--set=audience=sts")

    (deployment,) = of_kind(helm.render(*values, "--set=injection=webhook"), "Deployment")

    image = container_of(deployment)["image"]
    assert options_of(deployment) == Options(
        region="eu-west-1",
        image=image,
        audience="sts",
        resources=Resources(
            {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "none"},
            {"cpu": "none", "memory": "none", "ephemeral-storage": "none"},
        ),
        image_pull_policy="IfNotPresent",
        image_pull_secrets=("registry", "mirror"),
        priority_class="applications",
    )
    assert image.startswith("registry.example/irsa-sidecar:")


def test_its_own_image_is_pulled_as_that_of_the_pods(helm: Helm) -> None:
    (deployment,) = of_kind(helm.render(f"--values={EVERYTHING}", "--set=injection=webhook"), "Deployment")

    assert container_of(deployment)["imagePullPolicy"] == "IfNotPresent"
    secrets = deployment["spec"]["template"]["spec"]["imagePullSecrets"]
    assert secrets == [{"name": "registry"}, {"name": "mirror"}]


def test_the_policies_are_not_there_too(helm: Helm) -> None:
    assert not [found for found in helm.render(*WEBHOOK) if "AdmissionPolicy" in found["kind"]]


def options_of(deployment: Manifest) -> Options:
    """What the webhook makes of its arguments."""
    container = container_of(deployment)
    variables = {f"$({item['name']})": item["value"] for item in container["env"]}
    arguments = container["args"]
    for reference, value in variables.items():
        arguments = [text.replace(reference, value) for text in arguments]
    parser = ArgumentParser()
    parser.add_argument("command", choices=["webhook"])
    add_sidecar_options(parser.add_argument_group())
    return described(parser.parse_args(arguments))


def container_of(deployment: Manifest) -> Manifest:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found: Manifest = container
    return found


def of_kind(documents: list[Manifest], kind: str) -> list[Manifest]:
    return [document for document in documents if document["kind"] == kind]
