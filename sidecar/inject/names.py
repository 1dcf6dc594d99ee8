"""The names by which the sidecar's parts are known in a pod."""

from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, METADATA_ENDPOINT

SIDECAR = "irsa-sidecar"
"""The container's name; a container of this name is the sidecar."""
LABEL = "irsa-sidecar"
"""The PodMonitor selects pods by this label with the value `enabled`."""
PORT = "irsa-sidecar"
"""The name of the admin port. With `--classic` its container comes first, and a Service whose `targetPort` is a name
takes the first port of that name: so it is none that applications use, such as `admin`."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""By this annotation `kubectl logs` and `kubectl exec` choose a container; without it they take the first."""
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""By it a service account names its role to the EKS webhook."""
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"
EXPIRATION_ANNOTATION = "eks.amazonaws.com/token-expiration"
"""A service account's further annotations for the EKS webhook; the latter may also be a pod's."""
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
"""With it a kubelet shows a static pod, which it runs from a file, at the API server."""
POD_ROLE_ANNOTATION = "irsa-sidecar/role-arn"
"""By it a pod names its role to whatever adds the sidecar."""
CONTAINER_ROLES_ANNOTATION = "irsa-sidecar/container-roles"
"""By it a pod names roles of single containers: lines CONTAINER=ARN, or CONTAINER=PROFILE."""
PROFILES_ANNOTATION = "irsa-sidecar/profiles"
"""By it a pod names the ConfigMap with its profiles."""
CONFIG_ANNOTATION = "irsa-sidecar/config"
"""What was made of the roles' ARNs: the sidecar's config file."""
REQUEST_LABEL = "irsa-sidecar/inject"
"""A pod with this label asks the cluster for the sidecar, if its value is `enabled`."""
ROLES = "irsa-sidecar-roles"
"""A namespace's ConfigMap of this name has the role of each service account."""
RECORD_ANNOTATION = "irsa-sidecar/injected"
"""The annotation that records what was added."""
TOKEN_VOLUME = "sts-token"  # noqa: S105 (a volume's name)
AUTHORIZATION_VOLUME = "authorization-token"
VOLUMES = (TOKEN_VOLUME, AUTHORIZATION_VOLUME)
TOKEN_DIRECTORY = "/var/run/secrets/irsa-sidecar"  # noqa: S105 (a path)
AUTHORIZATION_DIRECTORY = "/var/run/irsa-sidecar"

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENDPOINT_VARIABLES = (FULL_URI, AUTHORIZATION, AUTHORIZATION_FILE, METADATA_ENDPOINT)
"""Variables of an application that can only be meant for a sidecar."""
