"""The faults that can be started and ended while the lab runs.

A fault is an entry in `faults.json`, so it survives restarts and holds for every process that shares the state
directory; removing the entry ends the fault. Its effect is implemented in the part that it affects.

Faults of STS affect only the calls that assume a role. GetCallerIdentity keeps working, because with it an application
shows that the credentials which it holds are still valid. A skewed clock affects it too, as there is only one clock.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sidecar import trust
from sidecar.lab.state import ReloadedFile, StateDirectory, write

UNTRUSTED_SUBJECT = "system:serviceaccount:somewhere:else"
"""The subject that roles trust under the fault `policy-changed` without a value."""

_DISCOVERY_MEMBERS = (
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)
_BODIES = ("xml", "html", "empty")
_DAY = 86400


class BadFault(ValueError):
    """An unknown fault, or a value that it does not take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`default` is the value when none is given; `check` raises ValueError for an unusable value."""

    name: str
    what: str
    default: str = ""
    check: Callable[[str], object] | None = None


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 <= seconds <= _DAY:
        raise ValueError(f"{value} is not between 0 and {_DAY} seconds")
    return seconds


def _skew(value: str) -> float:
    """At most ten years either way: far beyond, dates cannot be written."""
    seconds = float(value)
    if not abs(seconds) <= 3650 * _DAY:
        raise ValueError(f"{value} is not within ten years")
    return seconds


def _among(*allowed: str) -> Callable[[str], object]:
    def check(value: str) -> None:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")

    return check


def _policy(value: str) -> object:
    return trust.parse(value) if value else None


_ALL = (
    Fault("throttle", "STS: 400 Throttling, Rate exceeded"),
    Fault("http-500", "STS: 500 with a body of xml, html or nothing", "xml", _among(*_BODIES)),
    Fault("http-503", "STS: 503 with a body of xml, html or nothing", "xml", _among(*_BODIES)),
    Fault("hang", "STS: accepts the request and never answers"),
    Fault("slow", "STS: answers after this many seconds", "3", _seconds),
    Fault("reset", "STS: resets the connection"),
    Fault("truncate", "STS: closes the connection in the middle of the response"),
    Fault("skew", "STS: its clock is ahead by this many seconds, or behind if negative", "3600", _skew),
    Fault("region-disabled", "STS: 403 RegionDisabledException"),
    Fault(
        "denied-elsewhere", "STS: 403 AccessDenied, as from an RCP of the organization, whatever the trust policy says"
    ),
    Fault("base-expired", "STS, for AssumeRole alone: 403 ExpiredToken, of the credentials that sign the call"),
    Fault("chain-denied", "STS, for AssumeRole alone: 403 AccessDenied, whatever the policies of both roles say"),
    Fault("idp-unreachable", "STS: 400 IDPCommunicationError"),
    Fault("thumbprint", "STS: 400, the issuer's certificate does not match the provider's thumbprint"),
    Fault("jwks-empty", "issuer: publishes no key"),
    Fault("jwks-500", "issuer: 500 for its keys"),
    Fault("jwks-slow", "issuer: sends its keys after this many seconds; STS waits 5", "6", _seconds),
    Fault("discovery-member", "issuer: discovery lacks a member", "jwks_uri", _among(*_DISCOVERY_MEMBERS)),
    Fault("discovery-issuer", "issuer: discovery names another issuer"),
    Fault("sign-before-publish", "issuer: signs with a key that is not published"),
    Fault("drop-old-key", "issuer: signs with a new key, and the old one is removed"),
    Fault("token-expired", "kubelet: the projected token has expired and is not replaced"),
    Fault("provider-removed", "IAM: no OIDC provider"),
    Fault("role-deleted", "IAM: no role"),
    Fault(
        "policy-changed",
        f"IAM: every role has this trust policy (JSON), or one that trusts {UNTRUSTED_SUBJECT}",
        "",
        _policy,
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}


OF_CHAINS = frozenset({"base-expired", "chain-denied"})
"""Those that only a role that is assumed with another's credentials meets."""


class Faults:
    """The faults of one state directory, as they are now."""

    def __init__(self, state: StateDirectory) -> None:
        self._file = ReloadedFile(state.faults, _read)

    @property
    def active(self) -> Mapping[str, str]:
        """Name to value."""
        return self._file.current()

    def get(self, name: str) -> str | None:
        """The value of a fault, or None while there is no such fault."""
        return self.active.get(FAULTS[name].name)

    def seconds(self, name: str) -> float:
        """The value of a fault that is a time; 0 while there is none."""
        return float(self.get(name) or 0)

    def start(self, name: str, value: str | None = None) -> None:
        """Raises BadFault."""
        fault = _known(name)
        given = fault.default if value is None else value
        _check(fault, given)
        self._write({**self.active, name: given})

    def end(self, name: str) -> None:
        """Ends a fault; does nothing if it is not active. Raises BadFault for an unknown name."""
        _known(name)
        self._write({other: value for other, value in self.active.items() if other != name})

    def end_all(self) -> None:
        self._write({})

    def _write(self, active: Mapping[str, str]) -> None:
        write(self._file.path, json.dumps(active, indent=2).encode())


def changed_policy(issuer_arn: str, value: str) -> trust.TrustPolicy:
    """The policy of `policy-changed`: the given one, or one that trusts a service account which no pod has."""
    if value:
        return trust.parse(value)
    name = issuer_arn.partition(":oidc-provider/")[2]
    statement = {
        "Effect": "Allow",
        "Action": trust.ASSUME_ROLE_WITH_WEB_IDENTITY,
        "Principal": {"Federated": issuer_arn},
        "Condition": {"StringEquals": {f"{name}:sub": UNTRUSTED_SUBJECT}},
    }
    return trust.parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))


def _known(name: str) -> Fault:
    if name not in FAULTS:
        raise BadFault(f"There is no fault {name!r}. Known: {', '.join(FAULTS)}.")
    return FAULTS[name]


def _check(fault: Fault, value: str) -> None:
    if value and fault.check is None:
        raise BadFault(f"{fault.name} takes no value ({fault.what}).")
    try:
        if fault.check is not None:
            fault.check(value)
    except ValueError as error:
        raise BadFault(f"{fault.name} does not accept this value: {error}. The fault: {fault.what}.") from error


def _read(content: bytes) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(content or b"{}")
    return found
