"""Adds the sidecar to pods as they are created, where the API server cannot do it alone: Kubernetes before 1.36.

`judgement` decides what becomes of a pod, `json_patch` writes the change down, `review` speaks the API server's
language; these are pure. `namespace_roles`, `certificate` and `server` act.
"""
