"""`lab export`: what a cluster that is not EKS must publish, from its public key; and never the private one."""

import json
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sidecar import trust
from sidecar.lab.cli.commands import main
from sidecar.lab.cluster import keys
from sidecar.lab.cluster.keys import KidForm
from tests.lab.worlds import made_keys, strangers_key

ISSUER = "https://s3.eu-west-1.amazonaws.com/my-bucket"


def public_pem(directory: Path) -> Path:
    path = directory / "sa-signer.pub"
    path.write_bytes(
        strangers_key()
        .private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def export(directory: Path, *more: str, issuer: str = ISSUER) -> int:
    key = str(public_pem(directory))
    return main(["export", "--key", key, "--issuer", issuer, "--out", str(directory / "oidc"), *more])


def test_the_files_verify_a_token_that_the_cluster_signed(tmp_path: Path) -> None:
    assert export(tmp_path) == 0
    discovery = json.loads((tmp_path / "oidc/.well-known/openid-configuration").read_text())
    jwks = json.loads((tmp_path / "oidc/keys.json").read_text())
    assert (discovery["issuer"], discovery["jwks_uri"]) == (ISSUER, f"{ISSUER}/keys.json")
    kid = keys.kid_of(strangers_key().private.public_key(), KidForm.UPSTREAM)
    signed = jwt.encode({"iss": ISSUER}, strangers_key().private, "RS256", headers={"kid": kid})
    (key,) = jwt.PyJWKSet.from_dict(jwks).keys
    assert key.key_id == kid
    assert jwt.decode(signed, key, algorithms=["RS256"]) == {"iss": ISSUER}


def test_the_instructions_hold_flags_a_command_and_a_sound_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, "--service-account", "payments:api", "--account", "444455556666")
    printed = capsys.readouterr().out
    assert f"--service-account-issuer={ISSUER}\n" in printed
    assert f"create-open-id-connect-provider --url {ISSUER} --client-id-list sts.amazonaws.com" in printed
    policy = trust.parse(printed[printed.index("{") :])
    assert trust.lint(policy) == ()
    claims = {"iss": ISSUER, "sub": "system:serviceaccount:payments:api", "aud": ["sts.amazonaws.com"]}
    provider = "arn:aws:iam::444455556666:oidc-provider/s3.eu-west-1.amazonaws.com/my-bucket"
    assert trust.evaluate(policy, trust.web_identity(claims, provider)).allowed


@pytest.mark.parametrize("issuer", ["http://x.example", "https://", f"{ISSUER}/", f"{ISSUER}?a=b", "x"])
def test_an_issuer_that_aws_would_not_take_is_refused(
    tmp_path: Path, issuer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(tmp_path, issuer=issuer) == 1
    assert issuer in capsys.readouterr().err
    assert not (tmp_path / "oidc").exists()


def test_a_private_key_is_refused_and_nothing_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (private,) = [path for path in made_keys().glob("*.pem") if path.stem != "spare"]
    assert main(["export", "--key", str(private), "--issuer", ISSUER, "--out", str(tmp_path / "oidc")]) == 1
    assert "This is a private key. Never publish or copy it" in capsys.readouterr().err
    assert not (tmp_path / "oidc").exists()


def test_what_is_no_rsa_public_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = elliptic.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("text.pub", b"hello"), ("ec.pub", pem)):
        (tmp_path / name).write_bytes(content)
        assert main(["export", "--key", str(tmp_path / name), "--issuer", ISSUER]) == 1
    printed = capsys.readouterr().err
    assert "not a PEM public key" in printed
    assert "not an RSA key" in printed
