"""What Shield counts, as plain integers; no label names a tenant."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class ShieldMetrics:
    """Counters since the start, and the gauges `connections`, `spine_connected` and `policy_loaded`."""

    __slots__ = (
        "connections",
        "connections_total",
        "errors",
        "frames",
        "mirrored",
        "policy_checks",
        "policy_loaded",
        "policy_reloads",
        "refused",
        "slow_consumers_closed",
        "spine_connected",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.connections_total = 0
        self.slow_consumers_closed = 0
        self.spine_connected = False
        self.policy_loaded = False
        self.refused: Counter[str] = Counter()
        """Upgrades and requests refused for their token: missing, malformed, rejected."""
        self.frames: Counter[str] = Counter()
        """Frames from clients: passed, or the code of their refusal in lower case."""
        self.policy_checks: Counter[str] = Counter()
        """Verdicts of the policy."""
        self.policy_reloads: Counter[str] = Counter()
        """Changed policy files: used, refused."""
        self.mirrored: Counter[str] = Counter()
        """Frames chosen to be mirrored: copied, dropped because too many copies wait, failed."""
        self.errors: dict[str, int] = {}
        """Errors caught, by site."""

    def prometheus(self) -> bytes:
        """The text exposition."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - 40 ms of CPU once, at the first scrape

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> "Iterator[Metric]":
        """The metric families, for prometheus-client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        yield GaugeMetricFamily(
            "arqonbus_shield_connected_clients", "Clients connected now.", self.connections
        )
        yield GaugeMetricFamily(
            "arqonbus_shield_spine_connected", "1 while the bus can be reached.", self.spine_connected
        )
        yield GaugeMetricFamily(
            "arqonbus_shield_policy_loaded", "1 while a policy is in force.", self.policy_loaded
        )
        yield CounterMetricFamily(
            "arqonbus_shield_connections", "Clients ever connected.", self.connections_total
        )
        yield CounterMetricFamily(
            "arqonbus_shield_slow_consumers_closed",
            "Clients closed because they did not read.",
            self.slow_consumers_closed,
        )
        for name, label, text, counted in self._labelled():
            family = CounterMetricFamily(f"arqonbus_shield_{name}", text, labels=[label])
            for value, count in sorted(counted.items()):
                family.add_metric([value], count)
            yield family

    def _labelled(self) -> list[tuple[str, str, str, dict[str, int]]]:
        return [
            ("tokens_refused", "details", "Tokens refused.", self.refused),
            ("frames", "result", "Frames from clients.", self.frames),
            ("policy_checks", "verdict", "Checks of the policy.", self.policy_checks),
            ("policy_reloads", "result", "Policy files that changed.", self.policy_reloads),
            ("mirrored", "result", "Frames chosen to be mirrored.", self.mirrored),
            ("errors", "site", "Errors caught, by site.", self.errors),
        ]
