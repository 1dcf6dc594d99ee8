"""Writes what the Helm chart has from elsewhere in the project: `make docs`. A test holds that it is up to date."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from typing import Any

from sidecar import __version__
from sidecar.inject import Options
from sidecar.inject.policy import objects, text
from sidecar.inject.policy.objects import ROLE_POLICY

MANIFESTS = Path(__file__).parent.parent / "manifests"
CHART = MANIFESTS / "chart" / "irsa-sidecar"
COPIED = ("podmonitor.yaml", "webhook-podmonitor.yaml", "prometheusrule.yaml", "dashboard.json")

_NAMESPACE, _SECRET, _CLASS = "the-release-namespace", "the-pull-secret", "the-priority-class"
"""In the place of values, until the policy is a text."""
_VARIANTS: dict[str, dict[str, Any]] = {
    ".Values.image.pullPolicy": {"image_pull_policy": "Never"},
    ".Values.imagePullSecrets": {"image_pull_secrets": (_SECRET,)},
    ".Values.priorityClassName": {"priority_class": _CLASS},
}
"""Options that are part of the policy itself, by the condition under which it has them."""
_SECRETS = (
    "{{ range $index, $secret := .Values.imagePullSecrets }}{{ if $index }}, {{ end }}"
    "dyn({'name': '{{ $secret.name }}'}){{ end }}"
)
_FILLED_IN = (
    (r"\{\{", '{{ "{{" }}'),
    (r"irsa-sidecar-[0-9a-f]{8}\b", '{{ include "irsa-sidecar.parameters" . }}'),
    (rf"(?m)namespace: {_NAMESPACE}$", "namespace: {{ .Release.Namespace | quote }}"),
    (_NAMESPACE, "{{ .Release.Namespace }}"),
    (r"'imagePullPolicy': dyn\('Never'\)", "'imagePullPolicy': dyn('{{ .Values.image.pullPolicy }}')"),
    (rf"dyn\({{'name': '{_SECRET}'}}\)", _SECRETS),
    (_CLASS, "{{ .Values.priorityClassName }}"),
)
_HEAD = """\
{{- /* Made from `irsa-sidecar inject --policy` by `make docs`. */ -}}
{{- define "irsa-sidecar.policy" -}}DIGEST{{- end -}}
{{- if eq .Values.injection "policy" }}
{{- $minor := regexFind "^[0-9]+" .Capabilities.KubeVersion.Minor | int }}
{{- if and $minor (lt $minor 36) }}
{{- $version := .Capabilities.KubeVersion.Version }}
{{- $problem := printf "The policies need Kubernetes 1.36 or newer, and this is %s: set injection=webhook." $version }}
{{- fail (printf "%s Without a cluster Helm chooses it: name yours with --kube-version." $problem) }}
{{- end }}
"""
_WEBHOOK = ("rbac", "deployment", "service", "pod-disruption-budget", "webhook-configuration")
_WEBHOOK_HEAD = """\
{{- /* Made from manifests/webhook and manifests/webhook-cert-manager by `make docs`. */ -}}
{{- if eq .Values.injection "webhook" }}
{{- if not (or .Values.webhook.certManager .Values.webhook.caBundle) }}
{{- fail "Without webhook.certManager, webhook.caBundle is needed: see docs/rollout.md." }}
{{- end }}
"""
_IMAGE = '{{ include "irsa-sidecar.image" . | quote }}\n'
_PULL_POLICY = """\
          {{- with .Values.image.pullPolicy }}
          imagePullPolicy: {{ . }}
          {{- end }}
"""
_PULL_SECRETS = """\
      {{- with .Values.imagePullSecrets }}
      imagePullSecrets: {{ toJson . }}
      {{- end }}
"""
_IN_WEBHOOK = (
    ("namespace: irsa-sidecar\n", "namespace: {{ .Release.Namespace | quote }}\n"),
    ("irsa-sidecar-webhook.irsa-sidecar.svc", "irsa-sidecar-webhook.{{ .Release.Namespace }}.svc"),
    ("  replicas: 2\n", "  replicas: {{ .Values.webhook.replicas }}\n"),
    (f"image: irsa-sidecar:{__version__}\n", f"image: {_IMAGE}{_PULL_POLICY}"),
    ("serviceAccountName: irsa-sidecar-webhook\n", f"serviceAccountName: irsa-sidecar-webhook\n{_PULL_SECRETS}"),
    (" # of the sidecar: the same as this container's (same-image.yaml)", ""),
    ("value: irsa-sidecar\n", f"value: {_IMAGE}"),
    ("value: eu-west-1\n", "value: {{ .Values.region | quote }}\n"),
    ("--region=$(REGION)\n", '--region=$(REGION)\n{{- include "irsa-sidecar.arguments" . | nindent 12 }}\n'),
    (
        "  name: irsa-sidecar\nwebhooks:\n",
        "  name: irsa-sidecar\n"
        "  {{- if .Values.webhook.certManager }}\n"
        "  annotations:\n"
        "    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/irsa-sidecar-webhook\n"
        "  {{- end }}\n"
        "webhooks:\n",
    ),
    (
        "clientConfig: # caBundle is added when the certificate is made\n",
        "clientConfig:\n"
        "      {{- with .Values.webhook.caBundle }}\n"
        "      caBundle: {{ . | quote }}\n"
        "      {{- end }}\n",
    ),
)
_KEPT = {"annotations": {"helm.sh/resource-policy": "keep"}}
"""Without any policy that has ConfigMaps as parameters, an API server ceases to follow ConfigMaps."""


def policy() -> str:
    """The template of the policies."""
    variants = {condition: _lines(**chosen) for condition, chosen in _VARIANTS.items()}
    body = "\n".join(merged(_lines(), variants)) + "\n"
    return _HEAD.replace("DIGEST", sha256(body.encode()).hexdigest()[:8]) + body + "{{- end }}\n"


def webhook() -> str:
    """The template of the webhook, for clusters without the policies."""
    template = "---\n".join((MANIFESTS / "webhook" / f"{name}.yaml").read_text() for name in _WEBHOOK)
    certificate = (MANIFESTS / "webhook-cert-manager" / "certificate.yaml").read_text()
    template += "{{- if .Values.webhook.certManager }}\n---\n" + certificate + "{{- end }}\n"
    for manifest, action in _IN_WEBHOOK:
        assert manifest in template, manifest
        template = template.replace(manifest, action)
    return f"{_WEBHOOK_HEAD}{template}{{{{- end }}}}\n"


def merged(base: Sequence[str], variants: dict[str, list[str]]) -> Iterator[str]:
    """A template of `base`, with what each variant has in its place under the variant's condition."""
    changes = defaultdict(list)
    for condition, lines in variants.items():
        for tag, start, end, first, last in SequenceMatcher(None, base, lines, autojunk=False).get_opcodes():
            if tag != "equal":
                changes[start].append((condition, base[start:end], lines[first:last]))
    position = 0
    for start, found in sorted(changes.items()):
        yield from base[position:start]
        position = start + max(len(old) for _, old, _ in found)
        for change in found:
            yield from _under_condition(*change)
    yield from base[position:]


def _under_condition(condition: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    yield f"{{{{- if {condition} }}}}"
    yield from new
    if old:
        yield "{{- else }}"
        yield from old
    yield "{{- end }}"


def _lines(**chosen: Any) -> list[str]:
    """The policies with some options, and with the chart's values in the places of their own."""
    _, _, *policies = objects(Options(region="eu-west-1", **chosen), namespace=_NAMESPACE)
    for document in policies:
        if document["metadata"]["name"] == ROLE_POLICY:
            document["metadata"] = document["metadata"] | _KEPT
    template = text(policies)
    for pattern, action in _FILLED_IN:
        template = re.sub(pattern, action, template)  # no action has a backslash
    return template.splitlines()


def files() -> Iterator[tuple[Path, str]]:
    """All that is made, and where it belongs."""
    yield CHART / "templates" / "policy.yaml", policy()
    yield CHART / "templates" / "webhook.yaml", webhook()
    for name in COPIED:
        yield CHART / "files" / name, (MANIFESTS / "monitoring" / name).read_text()


def main() -> None:
    for path, content in files():
        path.write_text(content)


if __name__ == "__main__":
    main()
