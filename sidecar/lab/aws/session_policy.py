"""The session policy of a request, which may only take permissions away: its form and size.

Of what it allows, only a chained call is judged by it.
"""

import json
import math

from sidecar.lab.aws import parameters
from sidecar.lab.aws.answers import StsRefusal, validation_error
from sidecar.lab.aws.parameters import Form
from sidecar.trust import MalformedPolicy, parse_identity

PACKED_LIMIT = 2048
"""Characters."""


def check(form: Form) -> None:
    """Raises StsRefusal for too many managed policies, for text that is no policy, and for too much of it."""
    arns = parameters.policy_arns(form)
    if len(arns) > 10:  # noqa: PLR2004 (AWS STS API reference)
        raise validation_error(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
            "Member must have length less than or equal to 10"
        )
    if "Policy" in form:
        _check_is_policy(form["Policy"])
    packed = packed_size(form)
    if packed > PACKED_LIMIT:
        raise StsRefusal(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent_of_limit(packed)}% of allotted space, please use smaller policy.",
        )


def _check_is_policy(text: str) -> None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StsRefusal("MalformedPolicyDocument", "Syntax errors in policy.", why=str(error)) from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise StsRefusal("MalformedPolicyDocument", "Syntax errors in policy.", why="It has no Statement.")
    try:
        parse_identity(text)
    except MalformedPolicy as error:
        raise StsRefusal("MalformedPolicyDocument", "Syntax errors in policy.", why=str(error)) from error


def packed_size(form: Form) -> int:
    """Characters of inline policy and managed policies' ARNs. AWS packs them in a way that it does not publish."""
    return len(form.get("Policy", "")) + sum(map(len, parameters.policy_arns(form)))


def percent_of_limit(packed: int) -> int:
    return math.ceil(packed * 100 / PACKED_LIMIT)
