"""The registry: what every face that is added must keep to."""

import pytest

from sidecar.faces.registry import FACES, FaceSpec
from sidecar.http.address_texts import listeners
from sidecar.settings.catalogue import SETTINGS

EACH_FACE = pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)


def test_no_two_faces_share_a_label_or_a_setting() -> None:
    protocols = [protocol for face in FACES for protocol in face.protocols]
    assert len(set(protocols)) == len(protocols)
    assert len({face.setting for face in FACES}) == len(FACES)


@EACH_FACE
def test_by_default_a_face_is_off_or_on_loopback(face: FaceSpec) -> None:
    assert all(address.private for address in listeners(face.listen))


@EACH_FACE
def test_a_face_that_no_token_protects_is_off_by_default(face: FaceSpec) -> None:
    assert face.protected or listeners(face.listen) == ()


@EACH_FACE
def test_each_face_has_its_setting(face: FaceSpec) -> None:
    (setting,) = (setting for setting in SETTINGS if setting.variable == face.setting)
    assert (setting.default, setting.meaning) == (face.listen, face.meaning)
