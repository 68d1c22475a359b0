"""Conditions that come true in their own time, and the small observations that many cases share.

The only place where the suites wait by looking again: each wait is bounded and says on expiry what it last saw.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Finished, Http, Launch
from arqonbus_conformance.findings import Unanswered, Unreachable

Record = dict[str, Any]
"""A JSON object as it came over the wire."""

Parting = Callable[[Client], Awaitable[None]]
"""A way to go: `close` or `vanish`."""

LOOK_AGAIN_SECONDS: Final = 0.02
"""The time between two looks at a condition."""
CONNECT_SECONDS: Final = 1.0
"""The longest a probe waits for a TCP connection: on one machine a refusal comes at once."""

Seen = TypeVar("Seen")


def staging(launch: Launch) -> dict[str, str | None]:
    """The environment of a staging deployment that needs no dependency: degraded by choice, in memory."""
    return {**launch.strict, "ARQONBUS_STORAGE_MODE": "degraded", "ARQONBUS_STORAGE_BACKEND": "memory"}


async def eventually(
    what: str,
    look: Callable[[], Awaitable[Seen]],
    holds: Callable[[Seen], bool],
    *,
    within: float = 5.0,
) -> Seen:
    """Look until `holds` is true of what was seen, and return it.

    A look that finds nobody listening or no answer is a sight like any other.

    Raises:
        Unanswered: it did not come true within so many seconds; the text says what was seen last.
    """
    last: object = "nothing yet"
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    seen = await look()
                except (OSError, Unreachable, Unanswered) as absent:
                    last = f"{type(absent).__name__}: {absent}"
                else:
                    if holds(seen):
                        return seen
                    last = seen
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise Unanswered(f"{what} did not come true within {within:g} s", actual=last) from None


async def healthy(http: Http, status: str = "healthy", *, within: float = 5.0) -> Record:
    """Wait until `/health` says `status`; return its body."""
    sight: Record = await eventually(
        f"/health with status {status}",
        lambda: health(http),
        lambda body: bool(body["status"] == status),
        within=within,
    )
    return sight


async def health(http: Http) -> Record:
    """The body of `/health`, whatever its status."""
    body: Record = (await http.get("/health")).json()
    return body


async def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts TCP connections at the address."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def whole_history(client: Client, room: str, channel: str, page: int = 1000) -> list[Record]:
    """Every stored entry of the channel, oldest first, read page by page."""
    entries: list[Record] = []
    cursor: str | None = None
    while True:
        asked: Record = {"room": room, "channel": channel, "limit": page} | (
            {"cursor": cursor} if cursor else {}
        )
        data = await client.succeed("op.history.get", **asked)
        entries = data["entries"] + entries
        cursor = data["cursor"]
        if cursor is None:
            return entries


def report_of(finished: Finished) -> Record:
    """The one JSON object that `preflight --json` prints.

    Raises:
        Violation: it printed something else.
    """
    try:
        report = json.loads(finished.stdout)
    except ValueError:
        raise expect.Violation(
            "preflight printed no JSON", actual=f"{finished.stdout}\n{finished.stderr}"
        ) from None
    expect.that(type(report) is dict, "the preflight report is no object", actual=report)
    found: Record = report
    return found


def only(items: list[Record], what: str) -> Record:
    """The one item of a list that must hold exactly one.

    Raises:
        Violation: it holds none or several.
    """
    expect.equal(len(items), 1, f"the number of {what} in {items!r}")
    return items[0]


def texts_of(entries: list[Record]) -> list[str]:
    """The payload texts of history or group entries, in their order."""
    return [entry["message"]["payload"]["text"] for entry in entries]


async def close(client: Client) -> None:
    """Part in order."""
    await client.close()


async def vanish(client: Client) -> None:
    """Part without a word."""
    client.abort()
