"""How a pod asks the cluster for the sidecar, and what it is told where that is not enough."""

from sidecar.inject import names

MISSPELT = f"the label {names.REQUEST_LABEL} has another value than enabled and disabled"
NO_ROLE = (
    f"no role: give the pod the annotation {names.POD_ROLE_ANNOTATION}, or the namespace a ConfigMap {names.ROLES} "
    "with the service account's name and the role's ARN"
)
OPEN_ROLE = f"the container {names.SIDECAR}, which the pod brings along, has no role: write it into AWS_ROLE_ARN there"
UNSERVED_ROLES = (
    f"the container {names.SIDECAR}, which the pod brings along, serves no roles of single containers, so that all "
    f"have the pod's: inject it anew, or remove the annotations {names.CONTAINER_ROLES_ANNOTATION} and "
    f"{names.PROFILES_ANNOTATION}"
)
NOT_A_ROLE = " is not the ARN of an IAM role"
"""After what was given instead of one."""
NOT_A_LINE = " is not a line CONTAINER=ROLE"
TWO_ROLES = ": two roles for this container; leave out one"
NO_CONTAINER = ": the pod has no such container"
NOT_A_PROFILE = (
    " is not a profile's name that a volume can have too; use lower-case letters, digits and `-`, at most 40"
)
OF_ALL_OTHERS = ": the default role is that of each container that has none of its own; leave this out"
"""After `CONTAINER=default`, where roles are profiles."""
NOT_A_CONFIG_MAP = " is not the name of a ConfigMap"
NOT_FOR_A_ROLE = (
    ": a container with a role of its own is called otherwise than `default`, in at most 40 lower-case letters, digits "
    "and `-`; rename it, or use profiles"
)
NO_ENDPOINT = "no container can ask for a role of its own where SIDECAR_LISTEN is off"
NO_WEB_IDENTITY = (
    "with --pod-identity there is no token for the role of an ARN; use --profiles, with source_profile in the profile"
)
TAKEN = f"the annotation {names.CONFIG_ANNOTATION} is the sidecar's own; remove it"
UNSEEN = " cannot be seen here; it must hold the key config"
"""After the name of a ConfigMap with profiles."""
NEEDED_LINES = ", and each profile its line: "
