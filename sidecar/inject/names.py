"""The names by which the sidecar's parts are known in a pod."""

from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, METADATA_ENDPOINT

SIDECAR = "irsa-sidecar"
"""The container's name. Whatever has it is the sidecar."""
LABEL = "irsa-sidecar"
"""With the value `enabled`: by it the PodMonitor finds the pod."""
RECORD = "irsa-sidecar/injected"
"""The annotation that says what was added."""
TOKEN_VOLUME = "sts-token"  # noqa: S105 (a volume's name)
AUTHORIZATION_VOLUME = "authorization-token"
VOLUMES = (TOKEN_VOLUME, AUTHORIZATION_VOLUME)
TOKEN_DIRECTORY = "/var/run/secrets/irsa-sidecar"  # noqa: S105 (a path)
AUTHORIZATION_DIRECTORY = "/var/run/irsa-sidecar"

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
POINTING_HERE = (FULL_URI, AUTHORIZATION, AUTHORIZATION_FILE, METADATA_ENDPOINT)
"""Variables of an application that mean nothing but a sidecar."""
