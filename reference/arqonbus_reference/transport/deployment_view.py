"""What the HTTP and telemetry interfaces may see of the deployment."""

from typing import Any, Protocol

from arqonbus_reference.access import Authenticator
from arqonbus_reference.faults import Faults
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import Storage
from arqonbus_reference.telemetry import TelemetryHub


class DeploymentView(Protocol):
    """The running deployment, seen from its monitoring interfaces."""

    @property
    def settings(self) -> Settings:
        """Its configuration."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Its counters, to add to."""
        ...

    def count(self) -> Metrics:
        """Its counters, brought up to date, to be shown."""
        ...

    @property
    def version(self) -> str:
        """The version of its distribution."""
        ...

    @property
    def storage(self) -> Storage:
        """Its storage."""
        ...

    @property
    def telemetry(self) -> TelemetryHub:
        """Its events."""
        ...

    @property
    def authenticator(self) -> Authenticator | None:
        """Who may come in; None while authentication is off."""
        ...

    @property
    def faults(self) -> Faults:
        """Where caught errors go."""
        ...

    @property
    def started_at(self) -> float:
        """Seconds since the epoch."""
        ...

    def status(self, tenant: str | None) -> dict[str, Any]:
        """The data of the `status` command for a tenant, or (None) for the whole deployment."""
        ...

    def readiness(self) -> tuple[bool, str | None]:
        """Whether it is ready, and why not."""
        ...

    def health(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the body of /health."""
        ...
