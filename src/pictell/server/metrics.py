"""What Prometheus is told (https://prometheus.io/docs/instrumenting/exposition_formats/), by a registry of each service's own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests by route and status, refusals by reason, and how long the stages take.

    Routes are templates such as `/v1/caption`, never paths that a client made up, so that their number stays small.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "pictell_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._stages = Histogram(
            "pictell_stage_seconds",
            "Seconds of each stage: body and total by request; queue, open and describe (network and search) by picture.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batches = Histogram(
            "pictell_batch_pictures", "Pictures in a batch.", buckets=(1, 2, 4, 8, 12, 16, 32), registry=self.registry
        )
        self._refusals = Counter(
            "pictell_refusals", "Requests refused, by reason.", ("reason",), registry=self.registry
        )
        self._pictures = Counter(
            "pictell_pictures", "Pictures answered, by outcome.", ("outcome",), registry=self.registry
        )
        self._dropped = Counter("pictell_dropped_pictures", "Pictures whose client hung up.", registry=self.registry)

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Adds a gauge that is asked for its value when somebody looks."""
        Gauge(name, description, registry=self.registry).set_function(value)

    def observe(self, stage: str, value: float) -> None:
        """Notes a stage's seconds, or a batch's size as stage `batch`."""
        if stage == "batch":
            self._batches.observe(value)
        else:
            self._stages.labels(stage).observe(value)

    def answered(self, route: str, method: str, status: int) -> None:
        """Counts a request."""
        self._requests.labels(route, method, str(status)).inc()

    def refused(self, reason: str) -> None:
        """Counts a refusal."""
        self._refusals.labels(reason).inc()

    def picture(self, outcome: str) -> None:
        """Counts a picture: `caption`, `withheld`, or the kind of its error."""
        self._pictures.labels(outcome).inc()

    def dropped(self, count: int) -> None:
        """Counts pictures that nobody waits for any more."""
        self._dropped.inc(count)

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self.registry)
