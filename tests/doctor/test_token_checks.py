"""The token's file and what it holds, looked at in real directories."""

from pathlib import Path

import pytest

from sidecar.doctor import token_claims, token_place
from sidecar.doctor.pod import Pod, this_user
from tests.doctor.snapshots import a_pod, outcome, written
from tests.doubles import CANARIES, DAY, EPOCH
from tests.explain.asking import NOW, token
from tests.kubelet import ProjectedVolume


async def test_a_projected_volume_that_its_group_may_read_is_right(tmp_path: Path) -> None:
    pod = await a_pod(written(tmp_path))

    assert outcome(token_place.readable(pod)) == ("token-file", "pass")
    assert outcome(token_place.permissions(pod)) == ("token-permissions", "pass")
    assert outcome(token_place.volume(pod)) == ("token-volume", "pass")


async def test_who_may_read_what_is_told_of_the_file_behind_the_links(tmp_path: Path) -> None:
    token_file = written(tmp_path)

    finding = token_place.permissions(await a_pod(token_file, user=this_user()))

    assert finding is not None
    assert f"{token_file.resolve()}; mode 0640, owner " in finding.saw
    assert str(this_user()) in finding.saw


async def test_a_token_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    pod = await a_pod(ProjectedVolume(tmp_path / "sts-token").write(token()))

    finding = token_place.permissions(pod)

    assert outcome(finding) == ("token-permissions", "warn")
    assert finding is not None
    assert "fsGroup" in finding.fix


@pytest.mark.parametrize("name", ["missing", "."])
async def test_a_file_that_cannot_be_read_comes_with_the_volume_to_mount(tmp_path: Path, name: str) -> None:
    pod = await a_pod(tmp_path / name)

    assert outcome(token_place.readable(pod)) == ("token-file", "fail")
    assert token_place.permissions(pod) is None
    assert token_claims.form(pod) is None


async def test_a_missing_file_is_answered_with_yaml(tmp_path: Path) -> None:
    assert "serviceAccountToken" in token_place.readable(await a_pod(tmp_path / "missing")).fix


async def test_without_a_path_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    pod = await a_pod(tmp_path, {"AWS_WEB_IDENTITY_TOKEN_FILE": "token"})

    assert outcome(token_place.readable(pod)) == ("token-file", "skip")


async def test_the_token_is_looked_at_even_if_other_settings_are_wrong(tmp_path: Path) -> None:
    pod = await a_pod(written(tmp_path), {"AWS_ROLE_ARN": "nonsense"})

    assert pod.config is None
    assert outcome(token_place.readable(pod)) == ("token-file", "pass")


async def test_a_file_mounted_by_subpath_is_recognised_in_mountinfo(tmp_path: Path) -> None:
    directory = tmp_path / "with space"
    directory.mkdir()
    file = directory / "token"
    file.write_text(token())
    mountinfo = tmp_path / "mountinfo"
    shown = str(file).replace(" ", "\\040")
    mountinfo.write_text(
        f"36 35 98:0 / {tmp_path} rw - ext4 /dev/sda rw\n"
        f"812 36 0:97 /..2026_11_23/token {shown} ro,relatime - tmpfs tmpfs rw,size=1048576k\nshort line\n"
    )

    finding = token_place.volume(await a_pod(file, mountinfo=mountinfo))

    assert outcome(finding) == ("token-volume", "fail")
    assert finding is not None
    assert "subPath" in finding.message


async def test_a_plain_file_is_no_volume_of_the_kubelets(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token())

    assert outcome(token_place.volume(await a_pod(file))) == ("token-volume", "warn")


# --- what it holds ---------------------------------------------------------------------------------------------


async def test_a_good_token_passes_and_is_told_in_plain_words(tmp_path: Path) -> None:
    pod = await a_pod(written(tmp_path))

    plain = token_claims.plainly(pod)

    assert outcome(token_claims.form(pod)) == ("token-form", "pass")
    assert outcome(token_claims.audience(pod)) == ("token-audience", "pass")
    assert token_claims.subject(pod) is None
    assert plain is not None
    assert "subject system:serviceaccount:payments:api" in plain.saw
    assert "expires 2027-01-16T08:00:00Z" in plain.saw


async def test_what_is_no_jwt_fails(tmp_path: Path) -> None:
    pod = await a_pod(ProjectedVolume(tmp_path / "v").write("an-opaque-token"))

    assert outcome(token_claims.form(pod)) == ("token-form", "fail")
    assert token_claims.plainly(pod) is None


@pytest.mark.parametrize(
    ("claims", "check", "level", "code"),
    [
        (
            {"aud": None, "exp": None, "iss": "kubernetes/serviceaccount"},
            token_claims.form,
            "fail",
            "legacy-secret-token",
        ),
        ({"sub": ""}, token_claims.form, "fail", "claim-missing"),
        ({"aud": ["https://kubernetes.default.svc"]}, token_claims.audience, "fail", "api-token"),
        ({"aud": ["pods.eks.amazonaws.com"]}, token_claims.audience, "fail", "pod-identity-token"),
        ({"aud": ["sts.amazonaws.com", "vault"]}, token_claims.audience, "fail", "several-audiences"),
        ({"aud": ["sts.amazonaws.com.cn"]}, token_claims.audience, "warn", "odd-token-audience"),
        ({"exp": int(NOW)}, token_claims.life, "fail", "token-expired"),
        ({"nbf": int(NOW) + 9}, token_claims.life, "fail", "token-not-yet-valid"),
        ({"exp": EPOCH + 600 + 60}, token_claims.life, "warn", "60 s left of 660"),
        ({}, token_claims.life, "pass", "85800 s left of 86400"),
        ({"sub": "system:serviceaccount:n:" + "x" * 240}, token_claims.subject, "warn", "264 characters"),
    ],
)
async def test_what_is_wrong_with_a_token_has_a_name(
    tmp_path: Path, claims: dict[str, object], check: object, level: str, code: str
) -> None:
    pod = await a_pod(written(tmp_path, **claims))
    assert callable(check)

    finding = check(pod)

    assert (outcome(finding)[1], finding.saw) == (level, code)


@pytest.mark.parametrize(
    ("life", "age", "level"),
    [
        (DAY, 69_120, "pass"),  # due at 80 %
        (DAY, 69_120 + 220, "pass"),  # jitter, the next sync, and patience
        (DAY, 69_120 + 221, "fail"),
        (3600, 2880, "pass"),
        (3600, 2880 + 221, "fail"),
        (2 * DAY, DAY, "pass"),  # after a day, whatever its life
        (2 * DAY, DAY + 221, "fail"),
    ],
)
async def test_a_rotation_is_overdue_after_four_fifths_of_a_life_or_a_day(
    tmp_path: Path, life: int, age: int, level: str
) -> None:
    pod = await a_pod(written(tmp_path, exp=EPOCH + life), now=EPOCH + age)

    assert outcome(token_claims.rotation(pod)) == ("token-rotation", level)


async def test_a_token_that_never_expires_has_no_life_to_judge(tmp_path: Path) -> None:
    pod = await a_pod(written(tmp_path, exp=None))

    assert token_claims.life(pod) is None
    assert token_claims.rotation(pod) is None


async def test_nothing_that_the_checks_say_shows_the_token(tmp_path: Path) -> None:
    pod = await a_pod(written(tmp_path))
    checks = (token_place.permissions, token_place.volume, token_claims.form, token_claims.plainly)
    more = (token_claims.audience, token_claims.life, token_claims.rotation)

    said = repr([check(pod) for check in (*checks, *more)]) + repr(pod)

    assert not [canary for canary in CANARIES if canary in said]
    assert isinstance(pod, Pod)
