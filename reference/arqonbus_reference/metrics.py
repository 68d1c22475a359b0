"""What the deployment counts, as plain integers that the hot path adds to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prometheus_client.core import Metric

EXPOSITION_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters since the start, and the gauges `connections`, `storage_degraded` and `spine_connected`, None where no spine is served."""

    __slots__ = (
        "auth_rejected",
        "connections",
        "connections_rejected",
        "connections_total",
        "deliveries",
        "errors",
        "messages_accepted",
        "messages_rejected",
        "slow_consumers_closed",
        "spine_connected",
        "storage_degraded",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.connections_total = 0
        self.connections_rejected = 0
        self.messages_accepted = 0
        self.messages_rejected = 0
        self.deliveries = 0
        self.slow_consumers_closed = 0
        self.auth_rejected = 0
        self.storage_degraded = False
        self.spine_connected: bool | None = None
        self.errors: dict[str, int] = {}
        """Errors caught, by site."""

    def as_json(self) -> dict[str, Any]:
        """The body of /metrics, but for `telemetry`."""
        return {
            "connections": {
                "current": self.connections,
                "total": self.connections_total,
                "rejected": self.connections_rejected,
            },
            "messages": {
                "accepted": self.messages_accepted,
                "delivered": self.deliveries,
                "rejected": self.messages_rejected,
            },
            "errors": dict(self.errors),
            "slow_consumers_closed": self.slow_consumers_closed,
            "storage": {"degraded": self.storage_degraded},
        } | ({} if self.spine_connected is None else {"spine": {"connected": self.spine_connected}})

    def prometheus(self) -> bytes:
        """The text exposition, of content type EXPOSITION_CONTENT_TYPE."""
        # 40 ms of CPU once, at the first scrape and not at each start
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> "Iterator[Metric]":
        """The metric families, for prometheus-client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        yield GaugeMetricFamily("arqonbus_connections", "Clients connected now.", self.connections)
        yield CounterMetricFamily("arqonbus_connections", "Clients ever connected.", self.connections_total)
        messages = CounterMetricFamily("arqonbus_messages", "Messages from clients.", labels=["result"])
        messages.add_metric(["accepted"], self.messages_accepted)
        messages.add_metric(["rejected"], self.messages_rejected)
        yield messages
        yield CounterMetricFamily("arqonbus_deliveries", "Messages sent to members.", self.deliveries)
        errors = CounterMetricFamily("arqonbus_errors", "Errors caught, by site.", labels=["site"])
        for site, count in sorted(self.errors.items()):
            errors.add_metric([site], count)
        yield errors
        yield CounterMetricFamily(
            "arqonbus_slow_consumers_closed",
            "Clients closed because they did not read.",
            self.slow_consumers_closed,
        )
        yield GaugeMetricFamily(
            "arqonbus_storage_degraded",
            "1 while the fallback stands in for the storage.",
            self.storage_degraded,
        )
        if self.spine_connected is not None:
            yield GaugeMetricFamily(
                "arqonbus_spine_connected", "1 while NATS is connected.", self.spine_connected
            )
        yield CounterMetricFamily("arqonbus_auth_rejected", "Tokens refused.", self.auth_rejected)
