"""A sidecar whose roles are profiles: files as text, and what is made of them."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load
from sidecar.settings.roles import ChainSettings, RoleSet, WebIdentitySettings
from tests.doubles import ROLE_ARN

POD = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-central-1"}
"""The plain role."""
REPORTS = "arn:aws:iam::111122223333:role/reports"
AUDIT = "arn:aws:iam::444455556666:role/audit"


@dataclass(frozen=True)
class ConfigFiles:
    """Writes AWS_CONFIG_FILE and reads the roles out of it. `*` is served where nothing else is asked for."""

    path: Path

    def config(self, text: str, **environ: str) -> Config:
        self.path.write_text(dedent(text))
        given = {**POD, "AWS_CONFIG_FILE": str(self.path), "SIDECAR_PROFILES": "*"} | environ
        return load({name: value for name, value in given.items() if value}, [])

    def roles(self, text: str, **environ: str) -> RoleSet:
        return self.config(text, **environ).roles

    def complaints(self, text: str, **environ: str) -> list[str]:
        """Without the file's path, with which each of them begins."""
        with pytest.raises(BadConfig) as caught:
            self.config(text, **environ)
        return [str(complaint).removeprefix(f"{self.path}: ") for complaint in caught.value.complaints]

    def complaint(self, text: str, **environ: str) -> str:
        (complaint,) = self.complaints(text, **environ)
        return complaint

    def web_identity(self, text: str, **environ: str) -> WebIdentitySettings:
        source = self.roles(text, **environ).by_name["reports"].source
        assert isinstance(source, WebIdentitySettings)
        return source

    def chain(self, text: str, **environ: str) -> ChainSettings:
        source = self.roles(text, **environ).by_name["reports"].source
        assert isinstance(source, ChainSettings)
        return source
