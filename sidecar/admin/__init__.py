"""Health, metrics and the status page, on a port of their own. No secret is on them: clients are outside the pod."""
