"""The doctor's time limits, in seconds."""

from sidecar.core.model import Seconds

ISSUER_TIMEOUT: Seconds = 5
"""How long STS waits for an issuer (AWS knowledge center, sts-invalididentitytoken)."""
STS_TIMEOUT: Seconds = 5
"""For the name server, and for STS's answer."""
CALLER_IDENTITY_TIMEOUT: Seconds = 10
ONLINE_TIMEOUT: Seconds = 7
"""For everything that needs a network, together. It is asked at the same time; a second step has what is left."""
TO_TELL: Seconds = 1
"""Between the end of a second step and that of all waiting."""
SDK_TIMEOUT: Seconds = 20
"""For a process that imports botocore: on a throttled CPU that alone takes a few seconds."""


def of_second_step(first: Seconds, usual: Seconds) -> Seconds:
    """How long a step may take after one that took `first`: what is left, so that both are told."""
    return min(usual, max(TO_TELL, ONLINE_TIMEOUT - TO_TELL - first))
