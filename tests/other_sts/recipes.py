"""The recipes of docs/other-sts, as files: what they set up, and the sidecar's settings that they lead to."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sidecar.inject import commands
from tests.other_sts.issuer import URL

RECIPES = Path(__file__).parents[2] / "docs" / "other-sts"
EXAMPLE = "https://oidc.example.com"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One server's folder."""

    server: str

    @property
    def folder(self) -> Path:
        return RECIPES / self.server

    def text(self, name: str) -> str:
        """A file, for the tests' issuer."""
        found = (self.folder / name).read_text()
        return found.replace(EXAMPLE, URL).replace(EXAMPLE.removeprefix("https://"), URL.removeprefix("https://"))

    def document(self, name: str) -> Any:
        return json.loads(self.text(name))

    @property
    def command(self) -> list[str]:
        """`irsa-sidecar inject …` as the recipe writes it."""
        return shlex.split((self.folder / "inject.sh").read_text().replace("\\\n", " "), comments=True)

    @property
    def role_arn(self) -> str:
        return self.command[self.command.index("--role-arn") + 1]


def injected(recipe: Recipe, capsys: Any) -> dict[str, Any]:
    """The pod that the recipe's command prints."""
    program, _, *arguments = recipe.command
    assert program == "irsa-sidecar"
    arguments = [str(RECIPES / argument) if argument == "app.yaml" else argument for argument in arguments]
    assert commands.main(arguments) == 0
    documents = yaml.safe_load_all(capsys.readouterr().out)
    found: dict[str, Any] = next(document for document in documents if document["kind"] == "Pod")
    return found
