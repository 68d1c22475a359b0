"""Push consumers: members of consumer groups to which entries are sent as they come."""

from collections.abc import Callable, Iterable

from arqonbus_reference.storage.interface import Storage, StreamKey

DEFAULT_PREFETCH_ENTRIES = 16
MAX_PREFETCH_ENTRIES = 256


class PushConsumers:
    """Sends entries of groups to the clients that joined them, at most `prefetch` unacknowledged to each."""

    def __init__(self, storage: Storage, *, min_idle_ms: int) -> None:
        self._storage = storage
        self._min_idle_ms = min_idle_ms

    async def join(
        self, client_id: str, deliver: Callable[[bytes], None], key: StreamKey, group: str, prefetch: int
    ) -> None:
        """Create the group (start `new`) when absent and begin sending; joining again changes deliver and prefetch.

        `deliver` gets the JSON bytes of one `message` envelope and must not block. Entries come after this returned: who awaits
        it and replies without awaiting anything between replies first.

        Raises:
            CommandError: STORAGE_UNAVAILABLE, CAPABILITY_UNAVAILABLE, COMMAND_VALIDATION_ERROR beyond 64 groups.
        """
        raise NotImplementedError

    def acked(self, key: StreamKey, group: str, entry_ids: Iterable[str]) -> None:
        """These entries are no longer out to a push consumer: acknowledged, or taken over."""
        raise NotImplementedError

    def reads_by_itself(self, client_id: str, key: StreamKey, group: str) -> None:
        """Remember that the client is a consumer of the group, to forget it in the storage when it leaves."""
        raise NotImplementedError

    def leave(self, client_id: str) -> None:
        """The client is gone: what it had not acknowledged goes to others."""
        raise NotImplementedError

    def wake(self, key: StreamKey) -> None:
        """Something was appended to `key`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop sending."""
        raise NotImplementedError
