"""The servers that cases may have of their own and may kill, as far as the profile gives them."""

from arqonbus_fixtures.nats import Nats, open_nats
from arqonbus_fixtures.valkey import Valkey, open_valkey

from arqonbus_conformance.findings import NotOffered
from arqonbus_conformance.launch_profile import Control

__all__ = ["open_nats_of", "open_valkey_of"]


async def open_valkey_of(control: Control, *, appendonly: bool = True, appendfsync: str = "always") -> Valkey:
    """A Valkey, which the caller closes.

    Raises:
        NotOffered: the profile gives none.
        ValkeyError: it does not start.
    """
    if control.valkey is None:
        raise NotOffered("the target offers no Valkey that may be killed")
    return await open_valkey(control.valkey, appendonly=appendonly, appendfsync=appendfsync)


async def open_nats_of(control: Control) -> Nats:
    """A NATS, which the caller closes.

    Raises:
        NotOffered: the profile gives none.
        NatsError: it does not start.
    """
    if control.nats is None:
        raise NotOffered("the target offers no NATS that may be killed")
    return await open_nats(control.nats)
