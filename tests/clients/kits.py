"""How programs are made in each ecosystem: commands that build from locked dependencies, in a copy of the folder."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

Command = Sequence[str]


@dataclass(frozen=True, slots=True)
class Kit:
    """`probe` succeeds where `packages` (Debian's names) need not be installed. `steps` run in the copied folder.

    `command` gives what runs `program`, out of the client's folder here and the folder in which it was made.
    """

    probe: Command
    packages: tuple[str, ...]
    steps: tuple[Command, ...]
    command: Callable[[Path, Path, str], Command]


_PIP = ("venv/bin/python", "-m", "pip")

PIP = Kit(
    probe=(sys.executable, "-c", "import ensurepip"),
    packages=("python3-venv",),
    steps=(
        (sys.executable, "-m", "venv", "venv"),
        (*_PIP, "install", "--quiet", "--no-deps", "--require-hashes", "-r", "requirements.txt"),
        (*_PIP, "check"),
    ),
    command=lambda source, made, program: (f"{made}/venv/bin/python", str(source / program)),
)

NPM = Kit(
    probe=("npm", "--version"),
    packages=("nodejs", "npm"),
    steps=(("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),),
    command=lambda source, made, program: ("node", f"{made}/{program}"),
)

GO = Kit(
    probe=("go", "version"),
    packages=("golang-go",),
    steps=(("go", "build", "-mod=readonly", "-modcacherw", "-buildvcs=false", "-o", "whoami", "."),),
    command=lambda source, made, program: (f"{made}/{program}",),
)

_OLD_GO = ("go", "build", "-modfile=of-2022.mod", *GO.steps[0][2:-2], "whoami-of-2022", ".")
GO_AND_OLD_GO = replace(GO, steps=(*GO.steps, _OLD_GO))
"""The same program with two locks: go.mod, and of-2022.mod."""

_JARS = ("-DincludeScope=runtime", "-DoutputDirectory=lib")
# Maven has no lock: these are the jars that were tried, no more and no fewer.
_JARS_ARE_KNOWN = ("sh", "-c", "export LC_ALL=C; sha256sum lib/*.jar | diff jars.sha256 -")

MAVEN = Kit(
    probe=("sh", "-c", "mvn --version && javac -version"),
    packages=("maven", "default-jdk-headless"),
    steps=(
        ("mvn", "-q", "-B", "-C", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", *_JARS),
        _JARS_ARE_KNOWN,
        ("javac", "-d", "classes", "-cp", "lib/*", "Whoami.java"),
    ),
    # A program this short is over before the second compiler has paid for itself.
    command=lambda source, made, program: (
        *("java", "-XX:TieredStopAtLevel=1", "-cp", f"{made}/classes:{made}/lib/*"),
        program,
    ),
)

DEBIAN = Kit(
    probe=("ruby", "-e", "require 'aws-sdk-core'"),
    packages=("ruby", "ruby-aws-sdk-core"),
    steps=(),
    command=lambda source, made, program: ("ruby", str(source / program)),
)
