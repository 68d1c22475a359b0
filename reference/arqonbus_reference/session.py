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

MIN_REMEMBERED_IDS = 1024
"""The last message ids of a connection that are answered again instead of published again (ROUTE-016)."""


class Remembered:
    """What became of a connection's last message ids: at least MIN_REMEMBERED_IDS of them, at most twice as many.

    Two generations: when the young one is full the old one is dropped whole, which costs nothing per message.
    """

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[str, Publication | Acknowledged] = {}
        self._old: dict[str, Publication | Acknowledged] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, message_id: str) -> "Publication | Acknowledged | None":
        """On its way, or how it was acknowledged; None for an id not remembered."""
        found = self._young.get(message_id)
        return self._old.get(message_id) if found is None else found

    def keep(self, message_id: str, outcome: "Publication | Acknowledged") -> None:
        """Remember what became of an id."""
        if len(self._young) >= MIN_REMEMBERED_IDS:
            self._old, self._young = self._young, {}
        self._young[message_id] = outcome

    def forget(self, message_id: str) -> None:
        """A refused message may be sent again under its id (ROUTE-022)."""
        self._young.pop(message_id, None)
        self._old.pop(message_id, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young.clear()
        self._old.clear()


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
        self.remembered = Remembered()
        self.rate = TokenBucket(rates[0])
        self.telemetry_rate = TokenBucket(rates[1])
        self.stamp = f',"sender":"{client_id}"'.encode()
