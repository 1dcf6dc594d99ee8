"""Whoever writes the config file can have roles refused with a sentence, and costs the sidecar no more than that."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.settings.complaints import LONGEST_COMPLAINT, BadConfig
from sidecar.settings.config import load
from sidecar.terminal.harmless import harmless
from tests.doubles import ROLE_ARN

ROLE = f"role_arn = {ROLE_ARN}\n"
CAS = "/etc/ssl/certs/ca-certificates.crt"
WITHIN = 10
"""Seconds of processor time; all take less than one. The parser's expressions let nothing else run meanwhile."""


def profile(name: str, *keys: str) -> str:
    return f"[profile {name}]\n{ROLE}" + "".join(f"{key}\n" for key in keys)


def chain(length: int, last_base: str) -> str:
    links = (f"[profile r{n}]\n{ROLE}source_profile = r{n + 1}\n" for n in range(length - 1))
    return "".join(links) + f"[profile r{length - 1}]\n{ROLE}source_profile = {last_base}\n"


COSTLY = {
    "a gap": profile("a", "x" + " " * 30_000 + "y"),
    "a gap of tabs": profile("a", "x" + "\t" * 30_000 + "y"),
    "a gap of other spaces": profile("a", "x" + "\u00a0\x0b" * 9_000 + "y"),
    "gaps that are allowed": profile("a", *["x" + (" " * 63 + "y") * 90] * 100),
    "a gap in a title": "[profile" + " " * 900_000 + "a]\n",
    "a long title": "[profile " + "a" * 1_000_000 + "]\n",
    "a title of backslashes": "[profile " + "\\" * 900_000 + "]\n",
    "many lines": "#\n" * 500_000,
    "many sections": "".join(f"[profile r{n}]\n" for n in range(60_000)),
    "many sections of allowed number": "".join(f"[profile r{n}]\n" for n in range(9_999)),
    "many roles": "".join(profile(f"r{n}") for n in range(4_000)),
    "many addresses": "".join(profile(f"r{n}", f"sidecar_listen = 127.0.0.1:{2000 + n}") for n in range(3_000)),
    "many unknown bases": "".join(f"[profile r{n}]\n{ROLE}source_profile = q{n}\n" for n in range(3_000)),
    "many keys that are nearly ours": profile("a", *(f"sidecar_lisen{n} = x" for n in range(9_000))),
    "a long chain": chain(3_000, "default"),
    "a long circle": chain(3_000, "r0"),
    "many tags": profile("a", "sidecar_tags = " + ",".join(f"k{n}=v" for n in range(2_500))),
    "many tags in a block": profile("a", "sidecar_tags =", *(f"  k{n} = v" for n in range(9_000))),
    "a long URL with passwords": profile("a", "endpoint_url = " + "//" * 9_000),
    "a long number": profile("a", "duration_seconds = " + "9" * 19_000),
    "zero bytes": "\0" * 1_000_000,
}


@pytest.fixture(autouse=True)
def ends_where_it_would_hang() -> Iterator[None]:
    """By a signal without a handler: while an expression is matched, the interpreter answers none."""
    signal.setitimer(signal.ITIMER_PROF, WITHIN)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def refused(path: Path, text: str, **variables: str) -> str:
    path.write_text(text)
    asked = {"AWS_CONFIG_FILE": str(path), "SIDECAR_PROFILES": "*", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    with pytest.raises(BadConfig) as caught:
        load(asked | {"AWS_ROLE_ARN": ROLE_ARN, "AWS_REGION": "eu-west-1"} | variables, [])
    assert all(len(str(each)) <= LONGEST_COMPLAINT + 3 for each in caught.value.complaints)
    assert len(caught.value.told) < 50_000
    assert caught.value.told == harmless(caught.value.told)
    return caught.value.told


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY.keys())
def test_a_costly_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path / "config", text)


POLICIES = {
    "depth": "[" * 2000,
    "depth in a policy": '{"Statement": ' + "[" * 2000,
    "a long number": '{"Statement": ' + "9" * 7000 + "}",
    "an infinite file": None,
}


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_that_is_none_is_refused_with_a_sentence(tmp_path: Path, text: str | None) -> None:
    if text is None:
        (tmp_path / "policy").symlink_to("/dev/zero")
    else:
        (tmp_path / "policy").write_text(text)
    told = refused(tmp_path / "config", profile("a", f"sidecar_policy_file = {tmp_path / 'policy'}"))
    assert "use a file" in told or "shorten" in told


@pytest.mark.parametrize(
    "name", ["\x1b]0;owned\x07", "\x9b2J", "\u202egnp", "a\tb", "%2e%2e", "..", ".", "a/b", "a\\b"]
)
def test_a_name_is_none_that_does_anything_in_a_terminal_or_a_path(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path / "config", profile(f"'{name}'"))
    assert refused(tmp_path / "config", profile(f"'{name}'") + f"[profile b]\n{ROLE}source_profile = nowhere\n")


COLLISIONS = {
    "a policy that is written over": ("sidecar_policy_file = {0}", "sidecar_credentials_file = {0}"),
    "a policy as the authorization token": ("sidecar_policy_file = {0}", "sidecar_authorization_token_file = {0}"),
    "a policy as the token": ("sidecar_policy_file = {0}", "web_identity_token_file = {0}"),
    "a policy as a socket": ("sidecar_policy_file = {0}", "sidecar_listen = unix:{0}"),
    "CAs that are written over": ("ca_bundle = {1}", "sidecar_credentials_file = {1}"),
    "CAs as the authorization token": ("ca_bundle = {1}", "sidecar_authorization_token_file = {1}"),
    "the file itself as a token": ("web_identity_token_file = {2}",),
    "the file itself written over": ("sidecar_credentials_file = {2}",),
    "the file itself as a socket": ("sidecar_listen = unix:{2}",),
    "the file itself by another spelling": ("sidecar_credentials_file = {3}",),
}  # fmt: skip


@pytest.mark.skipif(not Path(CAS).exists(), reason="no CAs of the system here")
@pytest.mark.parametrize("keys", COLLISIONS.values(), ids=COLLISIONS.keys())
def test_one_path_for_two_things_is_refused(tmp_path: Path, keys: tuple[str, ...]) -> None:
    policy, config = tmp_path / "policy", tmp_path / "config"
    policy.write_text('{"Statement": []}')
    other_spelling = f"{tmp_path}/./x/../config"
    told = refused(config, profile("a", *(key.format(policy, CAS, config, other_spelling) for key in keys)))
    assert "give each its own" in told


def test_roles_may_share_their_cas_and_their_policy(tmp_path: Path) -> None:
    (tmp_path / "policy").write_text('{"Statement": []}')
    shared = f"sidecar_policy_file = {tmp_path / 'policy'}"
    text = profile("a", shared) + profile("b", shared)
    (tmp_path / "config").write_text(text)
    environ = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "SIDECAR_PROFILES": "*", "AWS_REGION": "eu-west-1"}
    found = load(environ | {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, [])
    assert {"a", "b"} <= found.roles.by_name.keys()
