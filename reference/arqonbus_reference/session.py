"""One client connection as the broker sees it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from arqonbus_reference.access import Principal
from arqonbus_reference.caller import Caller
from arqonbus_reference.limits import TokenBucket

if TYPE_CHECKING:
    from arqonbus_reference.channels import Channel
    from arqonbus_reference.effects import Publication

MAX_REMEMBERED_IDS = 1024
"""Message ids per connection that are answered again instead of published again (ROUTE-016)."""


class Acknowledged(NamedTuple):
    """How a message was acknowledged; `sequence` is None for a direct one."""

    sequence: int | None
    durability: str


class Session:
    """State of one connection; `outlet` is whatever the transport sends with, opaque here."""

    __slots__ = (
        "caller",
        "client_id",
        "memberships",
        "outlet",
        "principal",
        "rate",
        "remembered",
        "stamp",
        "telemetry_rate",
    )

    def __init__(
        self, client_id: str, principal: Principal, outlet: Any, *, rate: int, telemetry_rate: int
    ) -> None:
        self.client_id = client_id
        self.principal = principal
        self.caller = Caller(client_id, principal)
        self.outlet = outlet
        self.memberships: set[Channel] = set()
        self.remembered: dict[str, Acknowledged | Publication] = {}
        self.rate = TokenBucket(rate)
        self.telemetry_rate = TokenBucket(telemetry_rate)
        self.stamp = f',"sender":"{client_id}"'.encode()

    def remember(self, message_id: str, outcome: "Acknowledged | Publication") -> None:
        """Keep what became of a message id: on its way, or how it was acknowledged; the oldest is forgotten."""
        remembered = self.remembered
        if len(remembered) >= MAX_REMEMBERED_IDS and message_id not in remembered:
            del remembered[next(iter(remembered))]
        remembered[message_id] = outcome
