"""One client connection as the broker sees it."""

from typing import TYPE_CHECKING, Any

from arqonbus_reference.access import Principal
from arqonbus_reference.caller import Caller
from arqonbus_reference.limits import TokenBucket

if TYPE_CHECKING:
    from arqonbus_reference.channels import Channel, Tenant
    from arqonbus_reference.effects import Publication

Acknowledged = tuple[int | None, str]
"""How a message was acknowledged: its sequence, None for a direct one, and its durability."""

MAX_REMEMBERED_IDS = 1024
"""Message ids per connection that are answered again instead of published again (ROUTE-016)."""


class Session:
    """State of one connection; `outlet` is whatever the transport sends with, opaque here.

    `rates` are requests and client telemetry per second, 0 for no limit.
    """

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
        "tenant",
    )

    def __init__(
        self,
        client_id: str,
        principal: Principal,
        tenant: "Tenant",
        outlet: Any,
        *,
        rates: tuple[int, int],
    ) -> None:
        self.client_id = client_id
        self.principal = principal
        self.tenant = tenant
        self.caller = Caller(client_id, principal)
        self.outlet = outlet
        self.memberships: set[Channel] = set()
        self.remembered: dict[str, Publication | Acknowledged] = {}
        self.rate = TokenBucket(rates[0])
        self.telemetry_rate = TokenBucket(rates[1])
        self.stamp = f',"sender":"{client_id}"'.encode()

    def remember(self, message_id: str, outcome: "Publication | Acknowledged") -> None:
        """Keep what became of a message id: on its way, or how it was acknowledged; the oldest is forgotten."""
        remembered = self.remembered
        if len(remembered) >= MAX_REMEMBERED_IDS and message_id not in remembered:
            del remembered[next(iter(remembered))]
        remembered[message_id] = outcome
