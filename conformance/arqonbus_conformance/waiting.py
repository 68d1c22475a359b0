"""Waiting for something on a connection, with a deadline, saying on expiry what it was and what came instead."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from arqonbus_conformance.findings import Unanswered
from arqonbus_conformance.observing import observed
from arqonbus_conformance.wire import Connection

__all__ = ["until"]

Found = TypeVar("Found")


async def until(
    connection: Connection,
    find: Callable[[], Found | None],
    what: str,
    within: float,
    came: Callable[[], str],
) -> Found:
    """Wait until ``find`` returns something; ``what`` says what that is, ``came`` what was seen instead.

    Raises:
        Unanswered: nothing was found within so many seconds, or the connection ended.
        Violation: the deployment broke the protocol.
    """
    deadline = asyncio.get_running_loop().time() + within
    observed()
    while (found := find()) is None:
        if connection.fault is not None:
            raise connection.fault
        if connection.end is not None:
            ending = f"the connection ended with {connection.end.code} {connection.end.reason}".rstrip()
        else:
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.shield(connection.changed())
                continue
            except TimeoutError:
                ending = f"nothing more came within {within:g} s"
        raise Unanswered(
            f"{connection.name} waited for {what}", expected=what, actual=f"{came()}; {ending}"
        ) from None
    return found
