"""`make bench`: the sidecar measured beside its peers, on one machine, in one run. See README.md in this folder."""
