"""The policies by which the API server itself adds the sidecar (MutatingAdmissionPolicy, Kubernetes 1.36 or newer)."""

from sidecar.inject.policy.objects import objects, text

__all__ = ["objects", "text"]
