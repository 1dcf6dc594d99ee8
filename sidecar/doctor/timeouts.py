"""The doctor's time limits, in seconds."""

from sidecar.core.model import Seconds

ISSUER_TIMEOUT: Seconds = 5
"""How long STS waits for an issuer (AWS knowledge center, sts-invalididentitytoken)."""
STS_TIMEOUT: Seconds = 5
"""For the name server, and for STS's answer."""
CALLER_IDENTITY_TIMEOUT: Seconds = 10
SDK_TIMEOUT: Seconds = 20
"""For a process that imports botocore: on a throttled CPU that alone takes a few seconds."""
