"""The `irsa-sidecar lab` commands, and what they print."""
