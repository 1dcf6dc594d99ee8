"""What people write in YAML stays as they wrote it; what is put in fits the style around it."""

import pytest
import yaml

from tests.inject.kit import ARGUMENTS, Command

HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\n"
BY_HAND = """\
# The web server.
apiVersion: apps/v1   # stable
kind: "Deployment"
metadata:
    name:    web
spec:
    template:
        metadata:
            labels: {app: 'web'}   # the selector's
        spec:
            serviceAccountName: web
            securityContext: {}   # nothing yet
            volumes: []
            containers:
            # The first of two.
            - name: app
              image: "web:1"   # pinned elsewhere
              args: [ "--a",
                      "--b" ]
              env:
                # Ours.
                -   name: A
                    value: >-
                        folded
                        text

                -   {name: B, value: 0644}
            # The second.

            - image: proxy
              name: proxy

              # It has no variables.

# The end.
"""


def added(before: str, after: str) -> list[str]:
    """The lines that were put in; fails unless all others are there in their order."""
    new, later = [], iter(after.splitlines())
    for line in before.splitlines():
        while (found := next(later)) != line:
            new.append(found)
    return new + list(later)


def test_comments_quotes_columns_and_blank_lines_stay(command: Command) -> None:
    before = BY_HAND.replace("            volumes: []\n", "").replace("{app: 'web'}", "\n                app: 'web'")
    lines = added(before, command.injected(before))
    assert (
        yaml.safe_load("\n".join(lines[lines.index("            initContainers:") :][1:3]))[0]["name"] == "irsa-sidecar"
    )


def test_what_is_in_brackets_grows_in_its_brackets(command: Command) -> None:
    result = command.injected(BY_HAND)
    assert """labels: {app: 'web', "irsa-sidecar": "enabled"}   # the selector's\n""" in result
    assert "            volumes:\n            - name: sts-token\n" in result


def test_it_comes_out_again_without_a_trace(command: Command) -> None:
    assert command.removed(command.injected(BY_HAND)) == BY_HAND


def test_what_is_put_in_is_indented_as_its_neighbours(command: Command) -> None:
    lines = command.injected(BY_HAND).splitlines()
    assert "            initContainers:" in lines
    assert "            - name: irsa-sidecar" in lines
    assert "                - name: AWS_CONTAINER_CREDENTIALS_FULL_URI" in lines
    assert "              - name: AWS_CONTAINER_CREDENTIALS_FULL_URI" in lines
    assert any(line.startswith("                irsa-sidecar/injected: '{") for line in lines)


def test_the_sidecar_goes_above_what_is_said_of_the_first_init_container(command: Command) -> None:
    text = (
        HEAD
        + "spec:\n  initContainers: # in order\n  # Then the tables.\n  - name: migrate\n  containers:\n  - name: app\n"
    )
    result = command.injected(text)
    assert "initContainers: # in order\n  - name: irsa-sidecar\n" in result
    assert "\n  # Then the tables.\n  - name: migrate\n" in result


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n# end", "\n...\n", "   \n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_ends_of_lines_and_files_stay(end: str, newline: str, command: Command) -> None:
    text = (HEAD + "spec:\n  containers:\n  - name: app" + end).replace("\n", newline)
    result = command.injected(text)
    assert result.count("\n") == result.count(newline)
    assert command.removed(result) == text


@pytest.mark.parametrize(
    "scalar", ["|\n      a\n", "|+\n      a\n\n\n", "|-\n      a\n\n", ">\n      a\n      b\n\n# c\n"]
)
def test_a_block_of_text_at_the_end_keeps_its_blank_lines(scalar: str, command: Command) -> None:
    text = HEAD + "spec:\n  containers:\n  - name: app\n    image: " + scalar
    result = command.injected(text)
    container = yaml.safe_load(result)["spec"]["containers"][0]
    assert container["image"] == yaml.safe_load(text)["spec"]["containers"][0]["image"]
    assert command.removed(result) == text


@pytest.mark.parametrize("comment", ["", "  # none yet"])
def test_a_key_with_nothing_behind_it_is_filled_and_emptied_where_it_stands(comment: str, command: Command) -> None:
    text = f"{HEAD}spec:\n  volumes:{comment}\n\n  # Two.\n  containers:\n  - env:{comment}\n    name: app\n"
    result = command.injected(text)
    assert f"\n  volumes:{comment}\n  - name: sts-token\n" in result
    assert f"\n  - env:{comment}\n    - name: AWS_CONTAINER_CREDENTIALS_FULL_URI\n" in result
    assert command.removed(result) == text


ANCHORS = (
    HEAD
    + """\
spec:
  containers:
  - &base
    name: app
    env: &env
    - name: A
      value: b
  - <<: *base
    name: second
  - name: third
    env: *env
"""
)


def test_anchors_stay_where_all_containers_get_the_same(command: Command) -> None:
    result = command.injected(ANCHORS)
    assert "    env: *env\n" in result
    assert [len(c["env"]) for c in yaml.safe_load(result)["spec"]["containers"]] == [7, 7, 7]
    assert command.removed(result) == ANCHORS


LABELS = """\
apiVersion: apps/v1
kind: Deployment
spec:
  selector:
    matchLabels: &labels # never to change
      app: web
  template:
    metadata:
      labels: *labels # as selected
    spec:
      containers:
      - name: app
"""
LABELS_IN_BRACKETS = """\
{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: &labels {app: web}},
  template: {metadata: {labels: *labels}, spec: {containers: [{name: app}]}}}}
"""


@pytest.mark.parametrize("text", [LABELS, LABELS_IN_BRACKETS])
def test_labels_that_are_shared_with_the_selector_grow_where_they_may(text: str, command: Command) -> None:
    result = command.injected(text)
    spec = yaml.safe_load(result)["spec"]
    assert spec["selector"]["matchLabels"] == {"app": "web"}
    assert spec["template"]["metadata"]["labels"] == {"app": "web", "irsa-sidecar": "enabled"}
    assert command.injected(result) == result
    assert command.removed(result) == text


SPREAD = LABELS.replace("matchLabels: &labels", "matchLabels:").replace(
    "labels: *labels", "labels: &labels\n        app: web"
)
SPREAD += "      topologySpreadConstraints:\n      - labelSelector: {matchLabels: *labels}\n"
VOLUMES = HEAD + "data: &none []\nspec:\n  volumes: *none\n  containers:\n  - name: app\n"


@pytest.mark.parametrize(("text", "arguments"), [(ANCHORS, ("--container", "app")), (SPREAD, ()), (VOLUMES, ())])
def test_an_anchor_that_would_have_to_differ_is_an_error_with_its_way_out(
    text: str, arguments: tuple[str, ...], command: Command
) -> None:
    code, out, err = command.run(text, *ARGUMENTS, *arguments)
    assert (code, out) == (1, "")
    assert "Write it without anchors first" in err


def test_a_sidecar_that_is_up_to_date_keeps_the_comments_people_put_into_it(command: Command) -> None:
    text = command.injected(HEAD + "spec:\n  containers:\n  - name: app\n").replace(
        "      restartPolicy: Always", "      restartPolicy: Always # native"
    )
    assert command.injected(text) == text
    assert "# native" not in command.injected(text, "--image", "irsa-sidecar:9")


@pytest.mark.parametrize("word", ["off", "true", "1_000", "0o7"])
def test_a_setting_that_looks_like_something_else_stays_text(word: str, command: Command) -> None:
    settings = {"off": ("SIDECAR_LISTEN", "off"), "true": ("SIDECAR_IMDS_V1", "true")}
    name, value = settings.get(word, ("SIDECAR_CREDENTIALS_PROFILE", word))
    if name.endswith("PROFILE"):
        name, value = "NO_PROXY", word
    imds = ("--set", "SIDECAR_IMDS_LISTEN=127.0.0.1:9913")
    result = command.injected(HEAD + "spec:\n  containers:\n  - name: app\n", *imds, "--set", f"{name}={value}")
    (sidecar,) = yaml.safe_load(result)["spec"]["initContainers"]
    assert {"name": name, "value": value} in sidecar["env"]


def test_json_stays_json(command: Command) -> None:
    text = '{\n    "apiVersion": "v1",\n    "kind": "Pod",\n    "spec": {\n        "containers": [\n            {\n'
    text += '                "name": "app"\n            }\n        ]\n    }\n}\n'
    result = command.injected(text)
    assert '                "env": [\n                    {\n' in result.replace('"name": "app",\n', "")
    assert command.removed(result) == text


POD_SPEC = "spec:\n  containers:\n  - name: app\n"
PODS = [HEAD + POD_SPEC, POD_SPEC + "apiVersion: v1\nkind: Pod\n", "kind: Pod\napiVersion: v1\n" + POD_SPEC]


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("before", ["\ufeff", "\ufeff---\n", "a: 1\n---\n\ufeff", "\ufeffa: 1\n--- # joined\n\ufeff"])
def test_a_byte_order_mark_stays(before: str, pod: str, command: Command) -> None:
    result = command.injected(before + pod)
    assert result.startswith(before)
    assert command.removed(result) == before + pod


def test_a_tab_that_kubectl_reads_stays(command: Command) -> None:
    text = f'{HEAD}spec:\t# mine\n  containers:\t\n  - name:\tapp\n    image: a\tb\n    args: [\n\t"x",\n\t]\n'
    result = command.injected(text)
    assert '  - name:\tapp\n    image: a\tb\n    args: [\n\t"x",\n\t]\n' in result
    assert command.removed(result) == text
