"""What `inject --policy` prints, without an API server: tests/kubernetes/test_policy.py has one."""

import re
from typing import Any

import pytest
import yaml

from sidecar.inject import Options
from sidecar.inject.commands import BAD_ARGUMENTS, DONE
from sidecar.inject.policy import objects, text
from sidecar.inject.policy.cel import CelNumber, CelText, CelTree, Either, either, written
from sidecar.inject.resources import Resources
from tests.inject.kit import IMAGE, REGION, Command, options
from tools import policy

ARGUMENTS = ("--policy", "--region", REGION, "--image", IMAGE)


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


def parameters(wanted: Options) -> dict[str, Any]:
    (found,) = of_kind(objects(wanted), "ConfigMap").values()
    return found


def test_the_command_prints_all_objects(command: Command) -> None:
    code, out, err = command.of_files(*ARGUMENTS)

    assert (code, err) == (DONE, "")
    assert list(yaml.safe_load_all(out)) == objects(Options(region=REGION, image=IMAGE))


def test_every_policy_is_bound() -> None:
    documents = objects(options())
    for kind in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
        bindings = of_kind(documents, f"{kind}Binding").values()
        assert {binding["spec"]["policyName"] for binding in bindings} == set(of_kind(documents, kind))


@pytest.mark.parametrize("wanted", [{}, {"region": "", "settings": {"AWS_ENDPOINT_URL_STS": "https://sts.example"}}])
def test_what_the_policy_reads_is_in_the_config_map(wanted: dict[str, Any]) -> None:
    read = set(re.findall(r"params\.data\.(\w+)(?!\w*\()", text(objects(options(**wanted)))))

    assert read == {key for key in parameters(options(**wanted))["data"] if not key.startswith("resources.")}


def test_the_config_map_has_what_was_asked_for() -> None:
    wanted = options(resources=Resources({"cpu": "20m"}, {"memory": "none", "cpu": "1"}), token_expiration=7200)

    assert parameters(wanted)["data"] == {
        "image": wanted.image,
        "region": REGION,
        "audience": "sts.amazonaws.com",
        "tokenExpirationSeconds": "7200",
        "resources.requests.cpu": "20m",
        "resources.requests.memory": "64Mi",
        "resources.limits.cpu": "1",
    }


@pytest.mark.parametrize("other", [{"image": IMAGE}, {"settings": {"SIDECAR_DURATION": "7200"}}])
def test_another_policy_has_parameters_of_another_name_and_takes_no_others(other: dict[str, Any]) -> None:
    one, two = options(), options(**other)

    assert parameters(one)["metadata"]["name"] != parameters(two)["metadata"]["name"]
    for wanted in (one, two):
        name = parameters(wanted)["metadata"]["name"]
        assert f"params.metadata.name == '{name}'" in text(objects(wanted))


def test_the_same_options_give_the_same_policy() -> None:
    assert objects(options()) == objects(options())


@pytest.mark.parametrize(
    "more",
    [
        ("--remove",),
        ("--only", "Pod/a"),
        ("--container", "a"),
        ("--classic",),
        ("--role-arn", "a"),
        ("--profiles", "a"),
    ],
)
def test_what_is_about_files_is_refused(command: Command, more: tuple[str, ...]) -> None:
    code, out, err = command.of_files(*ARGUMENTS, *more)

    assert (code, out) == (BAD_ARGUMENTS, "")
    assert err.startswith(f"irsa-sidecar inject: {more[0]}: not with --policy; ")


def test_bad_options_are_told_as_for_files(command: Command) -> None:
    code, _, err = command.of_files("--policy", "--region", "Europe")

    assert code == BAD_ARGUMENTS
    assert "--region: 'Europe' is not a region" in err


def test_what_works_in_few_clusters_is_warned_of(command: Command) -> None:
    code, _, err = command.of_files("--policy", "--region", REGION)

    assert code == DONE
    assert "names no registry" in err


@pytest.mark.parametrize(
    ("value", "cel"),
    [
        ('it\'s "so" \\', "'it\\'s \"so\" \\\\'"),
        ("two\nlines", "'two\\nlines'"),
        (True, "true"),
        ({"a": "b", "c": "d"}, "{'a': 'b', 'c': 'd'}"),
        ({"a": "b", "c": 1}, "{'a': dyn('b'), 'c': dyn(1)}"),
        ([{"a": "b"}, {"a": 1}], "[dyn({'a': 'b'}), dyn({'a': 1})]"),
        ({"a": CelText("b", "params.b"), "c": "d"}, "{'a': dyn(params.b), 'c': dyn('d')}"),
        ([CelNumber(1, "int(x)"), 2], "[int(x), 2]"),
        (CelTree("object.metadata.labels"), "object.metadata.labels"),
        (either("root", {"a": 1, "b": 2}, {"a": 1, "b": 3}), "{'a': 1, 'b': (root ? 2 : 3)}"),
        (
            either("root", {"a": 1, "b": 2}, {"a": 1}),
            "{'a': dyn(1), ?'b': root ? optional.of(dyn(2)) : optional.none()}",
        ),
        (either("root", ["a"], ["a", "b"]), "['a'] + (root ? [] : ['b'])"),
        (either("root", [{"a": 1}], [{"a": 2}]), "[dyn({'a': (root ? 1 : 2)})]"),
    ],
)
def test_a_tree_is_written_as_cel(value: Any, cel: str) -> None:
    assert written(value) == cel


def test_what_is_the_same_in_both_cases_has_no_condition() -> None:
    assert either("root", {"a": [1, {"b": "c"}]}, {"a": [1, {"b": "c"}]}) == {"a": [1, {"b": "c"}]}
    assert either("root", 1, 2) == Either("root", 1, 2)


def test_the_manifests_have_the_policy_of_today() -> None:
    assert policy.FILE.read_text() == policy.policy(), "run `make docs`"
