"""Checks one token against one trust policy in STS's order: pure, offline, every mistake named.

What cannot be seen from here is said, not guessed: keys and signature, other policies, IAM's propagation.
"""

from sidecar.explain.explanation import Explanation, Verdict, explain
from sidecar.explain.narrow import CannotFix, narrowed
from sidecar.explain.policy_text import NotAPolicy, PolicyText, policy_text
from sidecar.explain.question import Question

__all__ = [
    "CannotFix",
    "Explanation",
    "NotAPolicy",
    "PolicyText",
    "Question",
    "Verdict",
    "explain",
    "narrowed",
    "policy_text",
]
