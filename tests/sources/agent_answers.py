"""What the EKS Pod Identity agent answers, as its source writes it; the credentials are made up."""

import json
from typing import Any

from tests.doubles import KEY_CANARY, SESSION_CANARY

DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
"""`EPOCH`, as HTTP writes it."""
AGENT = "http://169.254.170.23/v1/credentials"
ACCOUNT = "111122223333"
ISSUED: dict[str, Any] = {
    "AccessKeyId": "ASIAMADEUPMADEUPMADE",
    "SecretAccessKey": KEY_CANARY,
    "Token": SESSION_CANARY,
    "AccountId": ACCOUNT,
    "Expiration": "2027-01-15T14:00:00Z",
}


def document(**fields: Any) -> bytes:
    """Six hours of credentials; `fields` override, and None removes."""
    return json.dumps({name: text for name, text in (ISSUED | fields).items() if text is not None}).encode()


def of_eks(code: str, message: str = "No.") -> bytes:
    """What EKS said, as the agent passes it on."""
    return f"[0a1b2c3d-0000-1111-2222-333344445555]: ({code}): {message}, fault: client\n".encode()
