"""The servers that cases may have of their own and may kill, as far as the profile gives them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ParamSpec, TypeVar

from arqonbus_fixtures.controllable_server import Server
from arqonbus_fixtures.nats import Nats, open_nats
from arqonbus_fixtures.valkey import Valkey, open_valkey

from arqonbus_conformance.findings import NotOffered
from arqonbus_conformance.launch_profile import Control

__all__ = ["closed_afterwards", "open_nats_of", "open_valkey_of"]

Wanted = ParamSpec("Wanted")
Opened = TypeVar("Opened", bound=Server)


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


@asynccontextmanager
async def closed_afterwards(
    open_one: Callable[Wanted, Awaitable[Opened]],
) -> AsyncIterator[Callable[Wanted, Awaitable[Opened]]]:
    """Opens servers as ``open_one`` does, as long as this lasts; then all of them are closed."""
    async with AsyncExitStack() as opened:

        async def open_another(*args: Wanted.args, **kwargs: Wanted.kwargs) -> Opened:
            server = await open_one(*args, **kwargs)
            opened.push_async_callback(server.close)
            return server

        yield open_another
