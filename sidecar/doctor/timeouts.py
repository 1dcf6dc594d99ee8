"""The doctor's time limits, in seconds."""

from sidecar.core.model import Seconds

ISSUER_TIMEOUT: Seconds = 5
"""How long STS waits for an issuer (AWS knowledge center, sts-invalididentitytoken)."""
STS_TIMEOUT: Seconds = 5
"""For the name server, and for STS's answer."""
CALLER_IDENTITY_TIMEOUT: Seconds = 10
ONLINE_TIMEOUT: Seconds = 7
"""For everything that needs a network, together. It is asked at the same time; a second step has what is left."""
SDK_TIMEOUT: Seconds = 20
"""For a process that imports botocore: on a throttled CPU that alone takes a few seconds."""
