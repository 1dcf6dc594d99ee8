"""Checks one token against one trust policy in STS's order: pure, offline, every mistake named.

What cannot be seen from here is said, not guessed: keys and signature, other policies, IAM's propagation.
"""

from sidecar.explain.correct import CannotFix, corrected
from sidecar.explain.explanation import Explanation, explain
from sidecar.explain.judgement import Judgement, Verdict, judge
from sidecar.explain.policy_text import NotAPolicy, PolicyText, policy_text
from sidecar.explain.question import Question

__all__ = [
    "CannotFix",
    "Explanation",
    "Judgement",
    "NotAPolicy",
    "PolicyText",
    "Question",
    "Verdict",
    "corrected",
    "explain",
    "judge",
    "policy_text",
]
