"""The Dockerfile as data: its stages, and in each the instructions in their order."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    text: str

    @property
    def exec_form(self) -> list[str]:
        """The arguments of the form that needs no shell. Raises `ValueError` for the other."""
        arguments: list[str] = json.loads(self.text)
        return arguments

    @property
    def in_exec_form(self) -> bool:
        return self.text.startswith("[")


@dataclass(frozen=True, slots=True)
class Stage:
    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction:
        """The one that counts, of instructions that replace each other."""
        return [instruction for instruction in self.instructions if instruction.name == name][-1]

    def pairs(self, name: str) -> dict[str, str]:
        """All of `ENV` or `LABEL`, quotes taken off."""
        found = [each.text for each in self.instructions if each.name == name]
        return {key: value.strip('"') for text in found for key, value in re.findall(r'(\S+?)=("[^"]*"|\S+)', text)}


def arguments(text: str) -> dict[str, str]:
    """The defaults of all `ARG`s."""
    return {key: value.strip('"') for key, value in re.findall(r"^ARG (\w+)=(.*)$", text, re.MULTILINE)}


def stages(text: str) -> list[Stage]:
    found: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            base, _, name = Template(instruction.text).substitute(arguments(text)).partition(" AS ")
            found.append(Stage(base, name, ()))
        elif found:
            stage = found.pop()
            found.append(Stage(stage.base, stage.name, (*stage.instructions, instruction)))
    return found


def _instructions(text: str) -> list[Instruction]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = [line.strip() for line in code.replace("\\\n", " ").splitlines() if line.strip()]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]
