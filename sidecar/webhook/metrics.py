"""What the webhook counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from sidecar.core.model import Seconds
from sidecar.webhook.judgement import Outcome

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
"""Seconds: from a pod with one container to the end of what the API server waits for."""


class WebhookMetrics:
    """All series, which are there from the start."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._reviews = Counter(
            "irsa_sidecar_webhook_reviews_total",
            "Pods that the API server asked about, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "irsa_sidecar_webhook_review_duration_seconds",
            "Seconds from a question of the API server's to its answer.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._loads = Counter(
            "irsa_sidecar_webhook_certificate_loads_total",
            "How often the certificate was read, and whether it could be used.",
            ("outcome",),
            registry=self.registry,
        )
        self._ends = Gauge(
            "irsa_sidecar_webhook_certificate_expiration_timestamp_seconds",
            "When the certificate in use expires (Unix time; 0: not known).",
            registry=self.registry,
        )
        for outcome in Outcome:
            self._reviews.labels(outcome)
        for loaded in ("loaded", "failed"):
            self._loads.labels(loaded)

    def reviewed(self, outcome: Outcome, seconds: Seconds) -> None:
        self._reviews.labels(outcome).inc()
        self._seconds.observe(seconds)

    def follow_certificate(self, ends: Callable[[], float]) -> None:
        """Ask for its end whenever Prometheus asks."""
        self._ends.set_function(ends)

    def certificate_loaded(self, good: bool) -> None:
        self._loads.labels("loaded" if good else "failed").inc()
