"""Trust policies: read one, evaluate it for a request, say why, and point out its mistakes.

Pure: no I/O, no clock, no randomness. The lab's STS decides with it, the doctor explains with it. What IAM does where
AWS documents nothing is marked as inference at the place where it is decided.

Sources: AWS IAM User Guide, "JSON policy element reference" (Principal, Condition, condition operators, multivalued
context keys, policy variables), and AWS STS API reference, AssumeRoleWithWebIdentity.
"""

from sidecar.trust.chaining import ActionEvaluation, ChainEvaluation, Permissions, Side, evaluate_chain
from sidecar.trust.context import (
    ASSUME_ROLE,
    ASSUME_ROLE_WITH_WEB_IDENTITY,
    SET_SOURCE_IDENTITY,
    TAG_SESSION,
    RequestContext,
    SessionTags,
    chained_actions,
    claimed_source_identity,
    claimed_tags,
    for_action,
    issuer_prefix,
    lacks_key,
    required_actions,
    role_session,
    web_identity,
)
from sidecar.trust.document import Principal, Statement, TrustPolicy, parse
from sidecar.trust.elements import Condition, Effect
from sidecar.trust.evaluate import ConditionResult, Decision, Evaluation, StatementResult, evaluate
from sidecar.trust.identity import IdentityEvaluation, evaluate_identity
from sidecar.trust.identity_document import IdentityPolicy, IdentityStatement, parse_identity
from sidecar.trust.lint import lint
from sidecar.trust.malformed import MalformedPolicy
from sidecar.trust.mistakes import IntendedCaller

__all__ = [
    "ASSUME_ROLE",
    "ASSUME_ROLE_WITH_WEB_IDENTITY",
    "SET_SOURCE_IDENTITY",
    "TAG_SESSION",
    "ActionEvaluation",
    "ChainEvaluation",
    "Condition",
    "ConditionResult",
    "Decision",
    "Effect",
    "Evaluation",
    "IdentityEvaluation",
    "IdentityPolicy",
    "IdentityStatement",
    "IntendedCaller",
    "MalformedPolicy",
    "Permissions",
    "Principal",
    "RequestContext",
    "SessionTags",
    "Side",
    "Statement",
    "StatementResult",
    "TrustPolicy",
    "chained_actions",
    "claimed_source_identity",
    "claimed_tags",
    "evaluate",
    "evaluate_chain",
    "evaluate_identity",
    "for_action",
    "issuer_prefix",
    "lacks_key",
    "lint",
    "parse",
    "parse_identity",
    "required_actions",
    "role_session",
    "web_identity",
]
