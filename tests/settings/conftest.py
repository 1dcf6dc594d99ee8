from pathlib import Path

import pytest

from tests.settings.profile_kit import ConfigFiles


@pytest.fixture
def files(tmp_path: Path) -> ConfigFiles:
    return ConfigFiles(tmp_path / "config")
