"""Push consumers: members of consumer groups to which entries are sent as they come."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from arqonbus_reference.errors import CommandError
from arqonbus_reference.group_feed import Consumer, GroupFeed
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Storage,
    StorageUnavailableError,
    StreamKey,
    UnknownGroupError,
)
from arqonbus_reference.storage_answers import told_to_client

DEFAULT_PREFETCH_ENTRIES = 16
MAX_PREFETCH_ENTRIES = 256

MAX_GROUPS_PER_CLIENT = 64
"""Groups that one connection may join."""

MAX_PLACES_PER_CLIENT = 1024
"""Groups remembered of one connection; in others the storage forgets it an hour later."""

MAX_FEEDS = 1024
"""Groups that this process feeds: each asks the storage at least once a second."""

MAX_LEFT_BEHIND = 4096
"""Groups without consumers of which it is remembered who left entries behind; for others these wait for `min_idle_ms`."""

MAX_FAREWELLS = 65_536
"""Departures waiting to be told to the storage; beyond, the storage forgets the consumer an hour later."""

Place = tuple[StreamKey, str]
"""A group on a stream."""


class PushConsumers:
    """Sends entries of groups to the clients that joined them, at most `prefetch` unacknowledged to each.

    `report(site, error)` hears of faults that nobody awaits.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        min_idle_ms: int,
        report: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._storage = storage
        self._min_idle_ms = min_idle_ms
        self._report = report or _raised_in_loop
        self._feeds: dict[Place, GroupFeed] = {}
        self._feeds_of: dict[StreamKey, list[GroupFeed]] = {}
        self._places_of: dict[str, dict[Place, bool]] = {}
        """For each client the groups it uses, and whether it joined them."""
        self._left_behind: dict[Place, dict[str, None]] = {}
        self._farewells: asyncio.Queue[tuple[str, Place]] = asyncio.Queue(MAX_FAREWELLS)
        self._farewell: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(
        self, client_id: str, deliver: Callable[[bytes], None], key: StreamKey, group: str, prefetch: int
    ) -> None:
        """Create the group (start `new`) when absent and begin sending; joining again changes deliver and prefetch.

        `deliver` gets the JSON bytes of one `message` envelope and must not block. Entries come after this returned: who awaits
        it and replies without awaiting anything between replies first.

        Raises:
            CommandError: STORAGE_UNAVAILABLE, CAPABILITY_UNAVAILABLE, COMMAND_VALIDATION_ERROR beyond 64 groups.
        """
        place = (key, group)
        places = self._places_of.setdefault(client_id, {})
        _require_place(places, place)
        with told_to_client():
            await self._storage.group_create(key, group, from_beginning=False)
        if self._places_of.get(client_id) is not places:
            return  # it left meanwhile
        _require_place(places, place)  # others of its joins were under way at once
        feed = self._feeds.get(place) or self._fed(place)
        places[place] = True
        known = feed.consumers.get(client_id)
        if known is None:
            feed.consumers[client_id] = Consumer(client_id, deliver, prefetch)
        else:
            known.deliver, known.prefetch = deliver, prefetch
        feed.wake()

    def acked(self, key: StreamKey, group: str, entry_ids: Iterable[str]) -> None:
        """These entries are no longer out to a push consumer: acknowledged, or taken over."""
        if feed := self._feeds.get((key, group)):
            feed.acked(entry_ids)

    def reads_by_itself(self, client_id: str, key: StreamKey, group: str) -> None:
        """Remember that the client is a consumer of the group, to forget it in the storage when it leaves."""
        places = self._places_of.setdefault(client_id, {})
        if len(places) < MAX_PLACES_PER_CLIENT:
            places.setdefault((key, group), False)

    def leave(self, client_id: str) -> None:
        """The client is gone: what it had not acknowledged goes to others."""
        for place in self._places_of.pop(client_id, {}):
            feed = self._feeds.get(place)
            if feed is not None and client_id in feed.consumers:
                feed.remove(client_id)
            elif not self._farewells.full():
                self._farewells.put_nowait((client_id, place))
                if self._farewell is None or self._farewell.done():
                    self._farewell = self._begin(self._say_farewells())

    def wake(self, key: StreamKey) -> None:
        """Something was appended to `key`."""
        for feed in self._feeds_of.get(key, ()):
            feed.wake()

    async def close(self) -> None:
        """Stop sending."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _fed(self, place: Place) -> GroupFeed:
        if len(self._feeds) >= MAX_FEEDS:
            raise CommandError(
                "COMMAND_VALIDATION_ERROR", f"group: more than {MAX_FEEDS} groups have push consumers"
            )
        feed = GroupFeed(self._storage, *place, min_idle_ms=self._min_idle_ms)
        feed.departed = self._left_behind.pop(place, {})
        self._feeds[place] = feed
        self._feeds_of.setdefault(feed.key, []).append(feed)
        self._begin(self._run(feed))
        return feed

    async def _run(self, feed: GroupFeed) -> None:
        place = (feed.key, feed.group)
        try:
            await feed.run()
        finally:
            del self._feeds[place]
            self._feeds_of[feed.key].remove(feed)
            if not self._feeds_of[feed.key]:
                del self._feeds_of[feed.key]
            if feed.departed:
                self._left_behind[place] = feed.departed
                if len(self._left_behind) > MAX_LEFT_BEHIND:
                    del self._left_behind[next(iter(self._left_behind))]

    async def _say_farewells(self) -> None:
        while not self._farewells.empty():
            client_id, (key, group) = self._farewells.get_nowait()
            try:
                await self._storage.group_leave(key, group, client_id)
            except (StorageUnavailableError, CapabilityUnavailableError, UnknownGroupError):
                continue  # nothing is kept for it, or the storage forgets it when another one leaves

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report("push_consumers", error)


def _require_place(places: dict[Place, bool], place: Place) -> None:
    if not places.get(place) and sum(places.values()) >= MAX_GROUPS_PER_CLIENT:
        raise CommandError(
            "COMMAND_VALIDATION_ERROR",
            f"group: one connection may join {MAX_GROUPS_PER_CLIENT} groups at most",
        )


def _raised_in_loop(site: str, error: BaseException) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": f"fault in {site}", "exception": error})
