"""Signing keys, their names and their rotation: the arithmetic of tenures, and files that nobody else may read."""

import base64
import hashlib
import re
import shutil
import stat
import subprocess
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sidecar.lab.cluster import key_tenures, keys
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_rotation import BadRotation, rotate
from sidecar.lab.cluster.key_tenures import Tenure
from sidecar.lab.cluster.keys import KidForm
from sidecar.lab.state import StateDirectory
from tests.lab.worlds import strangers_key, with_keys

NOW = 1_900_000_000.0
FIRST: tuple[Tenure, ...] = (Tenure("a", publish_at=0, sign_at=0),)


def ring_in(directory: Path) -> KeyRing:
    return KeyRing(StateDirectory(with_keys(directory)))


def test_an_eks_kid_is_forty_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", strangers_key().kid)


def test_an_upstream_kid_is_the_digest_of_the_public_key() -> None:
    public = strangers_key().private.public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    padded = keys.kid_of(public, KidForm.UPSTREAM) + "="
    assert base64.urlsafe_b64decode(padded) == hashlib.sha256(der).digest()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is the second opinion")
def test_openssl_and_pyjwt_agree_with_what_is_published(tmp_path: Path) -> None:
    key = strangers_key()
    keys.save(key, tmp_path)
    printed = subprocess.run(
        ["openssl", "rsa", "-in", tmp_path / f"{key.kid}.pem", "-noout", "-modulus"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    modulus = int.from_bytes(base64.urlsafe_b64decode(key.jwk["n"] + "=="))
    assert printed.strip() == f"Modulus={modulus:X}"
    assert jwt.decode(key.sign({"a": 1}), jwt.PyJWK(key.jwk), algorithms=["RS256"]) == {"a": 1}


def test_a_tokens_header_is_kubelets() -> None:
    key = strangers_key()
    assert jwt.get_unverified_header(key.sign({})) == {"alg": "RS256", "kid": key.kid}


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    ring = KeyRing(StateDirectory(tmp_path))
    StateDirectory(tmp_path).create()
    kid = ring.new_kid()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / f"{kid}.pem").stat().st_mode) == 0o600


def test_a_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.create()
    KeyRing(state).ensure(NOW)
    KeyRing(state).ensure(NOW + 1)
    (tenure,) = KeyRing(state).tenures
    assert tenure.publish_at == NOW
    assert KeyRing(state).signer(NOW).kid == tenure.kid


def test_a_file_that_is_no_rsa_key_is_refused_with_its_name(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "x.pem").write_bytes(pem)
    with pytest.raises(ValueError, match=r"x\.pem holds no RSA key"):
        keys.load(tmp_path, "x")


def test_rotating_well_publishes_waits_signs_keeps_and_removes() -> None:
    tenures = key_tenures.rotate_well(FIRST, "b", NOW, wait=10, keep=100)

    def at(now: float) -> tuple[str, list[str]]:
        return key_tenures.signer(tenures, now).kid, [tenure.kid for tenure in tenures if tenure.published(now)]

    assert at(NOW - 1) == ("a", ["a"])
    assert at(NOW) == ("a", ["a", "b"])
    assert at(NOW + 9.9) == ("a", ["a", "b"])
    assert at(NOW + 10) == ("b", ["a", "b"])
    assert at(NOW + 109.9) == ("b", ["a", "b"])
    assert at(NOW + 110) == ("b", ["b"])


def test_a_clock_that_was_set_back_leaves_the_first_key_published_that_signs(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.create()
    ring = KeyRing(state)
    ring.ensure(NOW)
    assert [key.kid for key in ring.published(NOW - 3600)] == [ring.signer(NOW - 3600).kid]


def test_a_second_rotation_never_prolongs_an_old_keys_stay() -> None:
    once = key_tenures.rotate_well(FIRST, "b", NOW, wait=0, keep=100)
    twice = key_tenures.rotate_well(once, "c", NOW + 50, wait=0, keep=100)
    assert [tenure.retire_at for tenure in twice] == [NOW + 100, NOW + 150, float("inf")]


def test_signing_before_publishing_leaves_a_signer_that_nobody_can_fetch() -> None:
    tenures = key_tenures.sign_before_publishing(FIRST, "b", NOW, wait=10, keep=100)
    signer = key_tenures.signer(tenures, NOW)
    assert (signer.kid, signer.published(NOW), signer.published(NOW + 10)) == ("b", False, True)


def test_dropping_the_old_key_makes_its_tokens_worthless_at_once() -> None:
    tenures = key_tenures.drop_old_at_once(FIRST, "b", NOW)
    assert [tenure.kid for tenure in tenures if tenure.published(NOW)] == ["b"]


STEPS = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 500), st.floats(0, 500)), max_size=6)


@given(STEPS, st.floats(0, 10_000))
def test_well_rotated_keys_are_always_published_while_they_sign(
    steps: list[tuple[float, float, float]], later: float
) -> None:
    tenures, now = FIRST, 0.0
    for index, (pause, wait, keep) in enumerate(steps):
        now += pause
        tenures = key_tenures.rotate_well(tenures, str(index), now, wait=wait, keep=keep)
    assert key_tenures.signer(tenures, now + later).published(now + later)


def test_a_retired_key_is_forgotten_with_its_file(tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    old = ring.tenures[0].kid
    rotate(ring, NOW, wait=0, keep=5)
    ring.forget_retired(NOW + 4)
    assert (tmp_path / "keys" / f"{old}.pem").exists()
    ring.forget_retired(NOW + 5)
    assert not (tmp_path / "keys" / f"{old}.pem").exists()
    assert [tenure.kid for tenure in ring.tenures] == [ring.signer(NOW + 5).kid]


def test_another_process_sees_a_rotation(tmp_path: Path) -> None:
    ring, other = ring_in(tmp_path), KeyRing(StateDirectory(tmp_path))
    before = other.signer(NOW).kid
    kid = rotate(ring, NOW, "drop-old-now")
    assert (before, other.signer(NOW).kid) == (ring.tenures[0].kid, kid)


@pytest.mark.parametrize(
    ("how", "wait"), [("hard", None), ("well", -1.0), ("well", float("inf")), ("well", float("nan"))]
)
def test_a_rotation_that_makes_no_sense_is_refused(tmp_path: Path, how: str, wait: float | None) -> None:
    ring = ring_in(tmp_path)
    with pytest.raises(BadRotation):
        rotate(ring, NOW, how, wait=wait)
    assert len(ring.tenures) == 1
