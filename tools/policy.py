"""Writes `manifests/policy/policy.yaml`: `make docs`. A test holds that it is up to date."""

from pathlib import Path

from sidecar.inject import Options
from sidecar.inject.policy import objects, text

FILE = Path(__file__).parent.parent / "manifests" / "policy" / "policy.yaml"
HEAD = """\
# Made by `irsa-sidecar inject --policy` (`make docs` writes it anew). Put what is yours into kustomization.yaml.
"""


def policy() -> str:
    return HEAD + text(objects(Options(region="eu-west-1")))


def main() -> None:
    FILE.write_text(policy())


if __name__ == "__main__":
    main()
