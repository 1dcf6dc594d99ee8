"""irsa-sidecar: a pod's IRSA credentials for programs whose AWS SDK cannot fetch them."""

__version__ = "0.2.0"
