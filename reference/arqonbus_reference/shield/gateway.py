"""The edge: what stands behind Shield's WebSocket endpoint. It lets through only what it could check."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arqonbus_reference.access import Authenticator, Principal
from arqonbus_reference.faults import Faults
from arqonbus_reference.logs import Log
from arqonbus_reference.shield.checks import Checks
from arqonbus_reference.shield.edge_client import EdgeClient
from arqonbus_reference.shield.link import Opening
from arqonbus_reference.shield.metrics import ShieldMetrics
from arqonbus_reference.shield.mirror import Mirror
from arqonbus_reference.shield.policy import Policy
from arqonbus_reference.shield.settings import ShieldSettings
from arqonbus_reference.shield.spine import Spine, SpineUnavailableError
from arqonbus_reference.shield.uplink import Uplink
from arqonbus_reference.transport.application import Endpoint


class Gateway:
    """The application behind Shield's endpoint (`transport.application.Application`), and what its monitoring looks at."""

    def __init__(self, settings: ShieldSettings, log: Log) -> None:
        if settings.jwt_secret is None:
            raise ValueError("JWT_SECRET: not set; allowed: what the preflight lets pass")
        self.settings = settings
        self.metrics = ShieldMetrics()
        self.faults = Faults(self.metrics, None, log)
        self.authenticator = Authenticator(settings.jwt_secret.reveal())
        self.policy = _policy(settings.policy_path, log.warning)
        spine = Spine(settings.nats_url, name="arqonbus-shield", report=self.faults.report)
        self.uplink = Uplink(spine, report=self.faults.report)
        self.uplink.changed = self._spine_changed
        self.clients: set[EdgeClient] = set()
        self._met = asyncio.Event()
        self._log = log
        self._checks = Checks(strict=settings.schema_strict, policy=self.policy, metrics=self.metrics)
        self._mirror = Mirror(spine, settings.mirror_share, self.metrics)

    # -- what it says of itself

    def unavailable(self) -> str | None:
        """Why nobody can come in now, or None."""
        return None if self.uplink.connected else "the bus cannot be reached"

    def health(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status and body of /health."""
        reason = self.uplink.reason
        policy = self.policy
        body = {
            "status": "healthy" if reason is None else "unhealthy",
            "reason": reason,
            "spine": {"connected": reason is None},
            "policy": {
                "loaded": policy is not None,
                "sha256": policy.sha256 if policy else None,
                "problem": policy.problem if policy else None,
            },
        }
        return (200 if reason is None else 503), body

    def count(self) -> ShieldMetrics:
        """The metrics, brought up to date."""
        self.metrics.connections = len(self.clients)
        self.metrics.spine_connected = self.uplink.connected
        self.metrics.policy_loaded = self.policy is not None
        if self.policy is not None:
            self.metrics.policy_reloads["used"] = self.policy.reloads
            self.metrics.policy_reloads["refused"] = self.policy.failed_reloads
        return self.metrics

    # -- transport.application.Application

    def authenticate(self, authorizations: Sequence[str]) -> Principal:
        """Who comes in. Raises: RejectedError."""
        return self.authenticator.authenticate(authorizations)

    def opened(self, connection: Endpoint, principal: Principal) -> None:
        """Begin a client's session on the bus, whose first delivery is the welcome."""
        client = EdgeClient(
            connection,
            principal.tenant,
            self._checks,
            self._mirror,
            rate=self.settings.rate_limit_per_second,
            report=self.faults.report,
        )
        connection.session = client
        self.clients.add(client)
        self.metrics.connections_total += 1
        try:
            opening = Opening(principal.subject, principal.admin)
            client.join(self.uplink.open(principal.tenant, opening, client))
        except SpineUnavailableError:
            connection.close(1013, "the bus cannot be reached")

    def text(self, connection: Endpoint, payload: bytes) -> None:
        """A JSON envelope came."""
        connection.session.frame(payload, binary=False)

    def binary(self, connection: Endpoint, payload: bytes) -> None:
        """A protobuf envelope came."""
        connection.session.frame(payload, binary=True)

    def closed(self, connection: Endpoint, code: int, reason: str) -> None:
        """A client is gone, after what it sent before."""
        client = connection.session
        if isinstance(client, EdgeClient):
            self.clients.discard(client)
            client.left(code, reason)

    def refused(self, details: str) -> None:
        """Count a refused token, without it."""
        self.metrics.refused[details] += 1

    def slow(self, connection: Endpoint, unsent_bytes: int) -> None:
        """Count a client that did not read."""
        self.metrics.slow_consumers_closed += 1

    def failed(self, site: str, error: Exception) -> None:
        """Count and log (INT-003)."""
        self.faults.report(site, error)

    async def meet(self, seconds: float) -> bool:
        """Wait for the bus, so long at most; whether it was there."""
        try:
            async with asyncio.timeout(seconds):
                await self._met.wait()
        except TimeoutError:
            return False
        return True

    async def leave(self) -> None:
        """Leave the spine, and do not call that an outage."""
        self.uplink.changed = lambda: None
        await self.uplink.close()

    # -- inside

    def _spine_changed(self) -> None:
        if self.uplink.connected:
            self._met.set()
            self._log.info("spine.connected")
        else:
            self._log.warning("spine.unavailable", reason=self.uplink.reason)


def _policy(path: Path | None, say: Callable[[str], Any]) -> Policy | None:
    return None if path is None else Policy.load(path, say)
