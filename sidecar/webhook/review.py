"""AdmissionReview, `admission.k8s.io/v1`: what the API server asks, and what it is answered. Pure."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.inject.workloads import Tree, mapping, text
from sidecar.webhook.json_patch import difference
from sidecar.webhook.judgement import Outcome, PodDecision

_VERSION = "admission.k8s.io/v1"
_FORBIDDEN = 403


class BadReview(ValueError):
    """This is not what an API server sends. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a review is about: a pod that is to be created."""

    uid: str
    namespace: str
    pod: Tree


def asked(document: Any) -> Review:
    """Read a review. Raises `BadReview`."""
    request = document.get("request") if isinstance(document, dict) else None
    if not isinstance(request, dict) or document.get("apiVersion") != _VERSION or not text(request, "uid"):
        raise BadReview(f"not an AdmissionReview of {_VERSION} with a request")
    pod = request.get("object")
    if not isinstance(pod, dict) or mapping(request, "kind").get("kind") != "Pod":
        raise BadReview("the request's object is not a Pod; the webhook's rules must name pods and CREATE only")
    if not all(isinstance(pod.get(part), dict) for part in ("metadata", "spec")):
        raise BadReview("the Pod has no metadata or no spec")
    return Review(request["uid"], text(request, "namespace"), pod)


def answer(to: Review, verdict: PodDecision) -> dict[str, Any]:
    """The review that is sent back."""
    response: dict[str, Any] = {"uid": to.uid, "allowed": verdict.outcome is not Outcome.REFUSED}
    if verdict.outcome is Outcome.REFUSED:
        response["status"] = _status(verdict.reasons)
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    return {"apiVersion": _VERSION, "kind": "AdmissionReview", "response": response | _patch(to.pod, verdict.pod)}


def _status(reasons: tuple[str, ...]) -> Mapping[str, Any]:
    return {"code": _FORBIDDEN, "reason": "Forbidden", "message": "; ".join(reasons)}


def _patch(before: Tree, after: Any) -> dict[str, str]:
    operations = list(difference(before, after))
    if not operations:
        return {}
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}
