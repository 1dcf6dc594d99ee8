"""Generated workloads, written in the styles that people and programs write YAML in."""

import json
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import strategies as st

WORDS = st.sampled_from(["app", "web", "proxy", "migrate", "db", "yes", "123", "on", "a-b"])
TEXTS = st.sampled_from(
    ["x", "true", "0644", "a: b", "# no comment", "", "two\nlines\n", "'quoted'", "ünï", "- a", "1e3"]
)
NAMES = ["AWS_REGION", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "HOME", "A"]


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings of some of these fields, some of them null."""
    return st.fixed_dictionaries({}, optional={name: st.none() | field for name, field in fields.items()})


def unique(item: st.SearchStrategy[dict[str, Any]], by: str = "name") -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(item, max_size=3, unique_by=lambda found: str(found[by]))


VARIABLES = st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(NAMES), TEXTS)
MOUNTS = st.builds(lambda path: {"name": "data", "mountPath": path}, st.sampled_from(["/a", "/b", "/var/run"]))
PORTS = st.builds(lambda port: {"containerPort": port}, st.integers(1, 9000))
RESOURCES = optional(limits=optional(cpu=st.just("1"), memory=st.just("1Gi")))


def containers(least: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    container = st.builds(
        lambda name, others: {"name": name} | others,
        WORDS,
        optional(
            image=TEXTS,
            env=unique(VARIABLES),
            volumeMounts=unique(MOUNTS, by="mountPath"),
            ports=st.lists(PORTS, max_size=2),
            resources=RESOURCES,
            command=st.lists(TEXTS, max_size=3),
        ),
    )
    return st.lists(container, min_size=least, max_size=3, unique_by=lambda found: str(found["name"]))


METADATA = optional(
    labels=st.dictionaries(WORDS, TEXTS, max_size=2), annotations=st.dictionaries(WORDS, TEXTS, max_size=2)
)
SPECS = st.builds(
    lambda own, others: own | others,
    st.fixed_dictionaries({"containers": containers(1)}),
    optional(
        initContainers=containers(0),
        volumes=st.lists(st.just({"name": "data", "emptyDir": {}}), max_size=1),
        serviceAccountName=st.just("app"),
        securityContext=optional(runAsUser=st.sampled_from([0, 1000]), fsGroup=st.just(1)),
        hostNetwork=st.booleans(),
        imagePullSecrets=st.lists(st.just({"name": "theirs"}), max_size=1),
        priorityClassName=st.just("low"),
    ),
)
PODS = st.builds(lambda metadata, spec: metadata | {"spec": spec}, optional(metadata=METADATA), SPECS)


def _in_kind(kind: str, pod: dict[str, Any]) -> dict[str, Any]:
    if kind == "Pod":
        metadata = pod.get("metadata") or {}
        return {"apiVersion": "v1", "kind": kind, **pod, "metadata": {"name": "it"} | metadata}
    spec = (
        {"jobTemplate": {"spec": {"template": pod}}, "schedule": "@daily"} if kind == "CronJob" else {"template": pod}
    )
    return {
        "apiVersion": "apps/v1" if kind in APPS else "batch/v1",
        "kind": kind,
        "metadata": {"name": "it"},
        "spec": spec,
    }


APPS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
KINDS = ("Pod", *APPS, "Job", "CronJob")
WORKLOADS = st.builds(_in_kind, st.sampled_from(KINDS), PODS)
LISTS = st.builds(
    lambda items: {"apiVersion": "v1", "kind": "List", "items": items}, st.lists(WORKLOADS, min_size=1, max_size=2)
)
DOCUMENTS = WORKLOADS | LISTS


class _Plain(yaml.SafeDumper):
    """Nothing is written for null where nothing can be."""


_Plain.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


class _Indented(_Plain):
    """Dashes two columns to the right of their key, as many write them by hand."""

    def increase_indent(self, flow: bool = False, *_: Any, **__: Any) -> None:
        super().increase_indent(flow, indentless=False)


def _yaml(dumper: type[yaml.SafeDumper], **style: Any) -> Callable[[Any], str]:
    return lambda data: yaml.dump(data, Dumper=dumper, allow_unicode=True, **style)


def _with_comments(text: str) -> str:
    """Comments and blank lines wherever no text of several lines could be hit."""
    if "two" in text or '"\n' in text:
        return text
    return "".join(
        f"{line}\n# about the next\n\n" if index % 3 == 0 else f"{line}\n"
        for index, line in enumerate(text.splitlines())
    )


STYLES: dict[str, Callable[[Any], str]] = {
    "as kubectl prints it": _yaml(_Plain, sort_keys=True),
    "by hand": _yaml(_Indented, sort_keys=False),
    "wide": _yaml(_Indented, sort_keys=False, indent=4),
    "leaves in flow": _yaml(_Plain, sort_keys=False, default_flow_style=None, width=10**6),
    "all in flow": _yaml(yaml.SafeDumper, sort_keys=False, default_flow_style=True, width=10**6),
    "all in flow, folded": _yaml(yaml.SafeDumper, sort_keys=False, default_flow_style=True, width=40),
    "quoted": _yaml(_Plain, sort_keys=False, default_style='"'),
    "literal": _yaml(_Indented, sort_keys=False, default_style="|"),
    "JSON": json.dumps,
    "JSON as kubectl prints it": lambda data: json.dumps(data, indent=4, ensure_ascii=False) + "\n",
    "with comments": lambda data: _with_comments(_yaml(_Indented, sort_keys=False)(data)),
}
TEXTS_OF = st.builds(
    lambda style, crlf, ended, data: _finished(STYLES[style](data), crlf=crlf, ended=ended),
    st.sampled_from(sorted(STYLES)),
    st.booleans(),
    st.booleans(),
    DOCUMENTS,
)


def _finished(text: str, *, crlf: bool, ended: bool) -> str:
    text = text if ended else text.removesuffix("\n")
    return text.replace("\n", "\r\n") if crlf else text
