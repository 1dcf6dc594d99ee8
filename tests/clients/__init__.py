"""Real programs of fourteen AWS clients, run against the sidecar by `make clients`. pytest collects nothing here."""
