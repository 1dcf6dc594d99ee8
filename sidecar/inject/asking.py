"""How a pod asks the cluster for the sidecar, and what it is told where that is not enough."""

from sidecar.inject import names

MISSPELT = f"the label {names.REQUEST_LABEL} has another value than enabled and disabled"
NO_ROLE = (
    f"no role: give the pod the annotation {names.POD_ROLE_ANNOTATION}, or the namespace a ConfigMap {names.ROLES} "
    "with the service account's name and the role's ARN"
)
NOT_A_ROLE = " is not the ARN of an IAM role"
"""After what was given instead of one."""
