"""Manifests to inject into, and the command as a function."""

import io
import sys
import tempfile
from typing import Any

import pytest

from sidecar.inject import Options, commands

ROLE = "arn:aws:iam::111122223333:role/app"
REGION = "eu-west-1"
IMAGE = "registry.example/irsa-sidecar:0.1.0"
ARGUMENTS = ("--role-arn", ROLE, "--region", REGION, "--image", IMAGE)


def options(**changes: Any) -> Options:
    return Options(**({"role_arn": ROLE, "region": REGION} | changes))


def pod(**spec: Any) -> dict[str, Any]:
    """A pod with one container, and in its spec what is given."""
    whole = {"serviceAccountName": "app", "containers": [{"name": "app", "image": "app:1"}]} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": whole}


def named(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in items}


class Command:
    """`irsa-sidecar inject`, with standard input and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, text: str | bytes, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `inject -f - ARGUMENTS` with `text` on standard input."""
        content = text.encode() if isinstance(text, str) else text
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
            return self.of_files("-f", "-", *arguments)

    def of_files(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = commands.main(arguments)
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def injected(self, text: str, *arguments: str) -> str:
        code, out, err = self.run(text, *ARGUMENTS, *arguments)
        assert code == 0, err
        return out

    def removed(self, text: str) -> str:
        code, out, err = self.run(text, "--remove")
        assert code == 0, err
        return out
