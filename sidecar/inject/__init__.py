"""Adds the sidecar to a manifest, and removes it again.

`injection` decides on plain mappings, for the command and for any webhook: `patch` is what is added, `merge` adds it,
`checks` finds what would go wrong. `yaml_edits` and `manifests` write the result into the YAML text and change nothing
else in it.
"""

from sidecar.core.findings import Finding, Level
from sidecar.inject.injection import ChangedDocument, inject, remove
from sidecar.inject.options import BadOptions, Options

__all__ = ["BadOptions", "ChangedDocument", "Finding", "Level", "Options", "inject", "remove"]
