"""Which storage a deployment gets by its settings."""

from collections.abc import Callable

from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import Storage
from arqonbus_reference.storage.memory import MemoryStorage


def open_storage(settings: Settings, clock: Callable[[], float]) -> Storage:
    """The storage of `settings`, not yet started; `clock` gives seconds since the epoch.

    Raises:
        ValueError: strict with backend memory, which promises what it cannot keep.
    """
    if settings.storage_backend == "memory":
        if settings.storage_mode == "strict":
            raise ValueError("storage mode strict needs backend redis_streams; memory keeps nothing")
        return MemoryStorage(max_history=settings.max_history_size)
    # The client library costs 0.25 s of CPU, which a start in memory should not pay.
    from arqonbus_reference.storage.degraded import DegradedStorage  # noqa: PLC0415
    from arqonbus_reference.storage.streams import StreamsStorage  # noqa: PLC0415

    streams = StreamsStorage(
        settings.redis_url,
        timeout_seconds=settings.storage_timeout_seconds,
        max_history=settings.max_history_size,
        mode=settings.storage_mode,
    )
    if settings.storage_mode == "strict":
        return streams
    return DegradedStorage(streams, clock=clock, max_history=settings.max_history_size)
