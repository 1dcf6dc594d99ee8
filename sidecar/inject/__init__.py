"""Adds the sidecar to a manifest, and takes it out again: the pure part of `irsa-sidecar inject`, and of any webhook.

`injection` decides on plain mappings. What it adds is in `addition`, how that meets what is there in `growth`, and what
could go wrong in `checks`. `edits` and `stream` carry the result into YAML text, and touch nothing else in it.
"""

from sidecar.core.findings import Finding, Level
from sidecar.inject.injection import Outcome, inject, remove
from sidecar.inject.options import BadOptions, Options

__all__ = ["BadOptions", "Finding", "Level", "Options", "Outcome", "inject", "remove"]
