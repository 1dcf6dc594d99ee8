"""Whatever keeps an SDK from calling the sidecar is named, wherever the container has it from."""

from typing import Any

import pytest

from sidecar.inject import inject
from sidecar.inject.shadows import SHADOWS
from sidecar.inject.surroundings import surroundings_of
from tests.inject.kit import options, pod


def said(container: dict[str, Any], *others: Any, namespace: str = "") -> list[str]:
    document = pod(containers=[{"name": "app", **container}])
    document["metadata"] |= {"namespace": namespace} if namespace else {}
    around = surroundings_of([document, *others])
    return [f"{each.level}: {each.message}" for each in inject(document, options(surroundings=around)).findings]


def env(**variables: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


def held(kind: str, name: str, namespace: str = "", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data}


CONFIG = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
NAMED = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
]


@pytest.mark.parametrize("name", NAMED)
def test_what_sdks_prefer_is_named_without_its_value(name: str) -> None:
    (warning,) = said(env(**{name: "a-secret"}))
    assert warning.startswith(f"warning: Pod/app, container app, env {name}: ")
    assert "remove it" in warning
    assert "a-secret" not in warning


def test_these_are_all_that_the_issue_names() -> None:
    assert set(NAMED) <= SHADOWS.keys()


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
@pytest.mark.parametrize("name", NAMED)
def test_so_is_what_comes_from_a_map_or_secret_in_the_files(name: str, kind: str) -> None:
    reference = "configMapRef" if kind == "ConfigMap" else "secretRef"
    container = {"envFrom": [{reference: {"name": "settings"}}]}
    (warning,) = said(container, held(kind, "settings", **{name: "a-secret", "HOME": "/"}))
    assert warning.startswith(f"warning: Pod/app, container app, envFrom: {kind} settings sets {name}: ")
    assert "a-secret" not in warning


def test_a_prefix_makes_another_name() -> None:
    prefixed = {"envFrom": [{"prefix": "AWS_", "configMapRef": {"name": "settings"}}]}
    (warning,) = said(prefixed, held("ConfigMap", "settings", PROFILE="x"))
    assert "ConfigMap settings sets AWS_PROFILE" in warning
    assert (
        said({"envFrom": [{"prefix": "APP_", **CONFIG["envFrom"][0]}]}, held("ConfigMap", "settings", AWS_PROFILE=""))
        == []
    )


def test_what_is_not_in_the_files_cannot_be_seen_and_that_is_told_once() -> None:
    several = {"envFrom": [*CONFIG["envFrom"], {"secretRef": {"name": "keys"}}]}
    (warning,) = said(several)
    assert "envFrom: the variables from ConfigMap settings, Secret keys cannot be seen here." in warning
    assert "irsa-sidecar doctor checks it in the pod" in warning


def test_a_map_of_another_namespace_is_not_in_the_files() -> None:
    other = held("ConfigMap", "settings", "b", AWS_PROFILE="x")
    (warning,) = said(CONFIG, other, namespace="a")
    assert "cannot be seen here" in warning
    (warning,) = said(CONFIG, other, namespace="b")
    assert "sets AWS_PROFILE" in warning
    (warning,) = said(CONFIG, other)
    assert "sets AWS_PROFILE" in warning


PROXY = {"HTTP_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("exceptions", ["", "localhost", "10.0.0.0/8,.svc", "127.0.0.2"])
def test_a_proxy_that_would_get_the_sidecars_requests_is_named(name: str, exceptions: str) -> None:
    (warning,) = said(env(**{name: "http://u:a-secret@proxy:3128", "NO_PROXY": exceptions}))
    assert warning.startswith(f"warning: Pod/app, container app, env {name}: some SDKs then ask the proxy")
    assert "add 127.0.0.1 to NO_PROXY and no_proxy" in warning
    assert "a-secret" not in warning


@pytest.mark.parametrize("exceptions", ["127.0.0.1", "10.0.0.0/8, 127.0.0.1", "*", "127.0.0.0/8", "127.0.0.1:9911"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_one_that_is_told_of_exceptions_is_not(name: str, exceptions: str) -> None:
    assert said(env(**PROXY, **{name: exceptions})) == []


def test_exceptions_that_cannot_be_seen_are_taken_for_right() -> None:
    hidden = {"name": "NO_PROXY", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}
    assert said({"env": [*env(**PROXY)["env"], hidden]}) == []


def test_a_proxy_from_a_map_in_the_files_is_seen_too() -> None:
    (warning,) = said(CONFIG, held("ConfigMap", "settings", **PROXY))
    assert "env HTTP_PROXY: some SDKs" in warning
    assert said(CONFIG, held("ConfigMap", "settings", **PROXY, NO_PROXY="127.0.0.1")) == []


def test_no_proxy_and_one_for_https_alone_do_not_matter() -> None:
    assert said(env(HTTPS_PROXY="http://proxy:3128", HTTP_PROXY="")) == []
