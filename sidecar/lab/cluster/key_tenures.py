"""When each signing key is published and signs, and the ways to rotate: the right one and two wrong ones.

Right: publish the new key beside the old, wait until every cache has it, sign with it, keep the old one published for
as long as a token signed by it can live, then remove it. EKS does so every 7 days (EKS User Guide, "Fetch signing
keys"). A tenure says when; what holds at a given moment is computed, never stored.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

WEEK = 7 * 86400.0
PUBLISH_BEFORE_SIGNING = 3600.0
"""Seconds from publishing a key to signing with it: longer than anyone should cache a JWKS."""
KEEP_AFTER_SIGNING = 86400.0 + 300
"""Seconds that an old key stays after it stopped signing: the longest lifetime of a token on EKS, and some skew."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """When a key is published, signs and is removed, in Unix seconds. Tenures are listed in the order of their keys."""

    kid: str
    publish_at: float
    sign_at: float
    retire_at: float = math.inf

    def published(self, now: float) -> bool:
        return self.publish_at <= now < self.retire_at


def signer(tenures: Sequence[Tenure], now: float) -> Tenure:
    """The newest key whose time to sign has come; the first key if there is none yet."""
    due = [tenure for tenure in tenures if tenure.sign_at <= now]
    return due[-1] if due else tenures[0]


def published(tenures: Sequence[Tenure], now: float) -> tuple[Tenure, ...]:
    """What is published; the first key if none is yet, as `signer` has it: the clock was set back."""
    if tenures and all(now < tenure.publish_at for tenure in tenures):
        return (tenures[0],)
    return tuple(tenure for tenure in tenures if tenure.published(now))


def rotate_well(
    tenures: Sequence[Tenure],
    kid: str,
    now: float,
    *,
    wait: float = PUBLISH_BEFORE_SIGNING,
    keep: float = KEEP_AFTER_SIGNING,
) -> tuple[Tenure, ...]:
    """Publish, wait, sign, keep, remove."""
    return (*_retire(tenures, now + wait + keep), Tenure(kid, publish_at=now, sign_at=now + wait))


def sign_before_publishing(
    tenures: Sequence[Tenure],
    kid: str,
    now: float,
    *,
    wait: float = PUBLISH_BEFORE_SIGNING,
    keep: float = KEEP_AFTER_SIGNING,
) -> tuple[Tenure, ...]:
    """Wrong: for `wait` seconds new tokens carry a signature that STS cannot check."""
    return (*_retire(tenures, now + wait + keep), Tenure(kid, publish_at=now + wait, sign_at=now))


def drop_old_at_once(tenures: Sequence[Tenure], kid: str, now: float) -> tuple[Tenure, ...]:
    """Wrong: every token in use is refused from this moment on."""
    return (*_retire(tenures, now), Tenure(kid, publish_at=now, sign_at=now))


def _retire(tenures: Sequence[Tenure], at: float) -> tuple[Tenure, ...]:
    return tuple(replace(tenure, retire_at=min(tenure.retire_at, at)) for tenure in tenures)
