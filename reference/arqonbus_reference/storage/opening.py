"""Which storage a deployment gets by its settings."""

from collections.abc import Callable
from typing import Literal, Protocol

from arqonbus_reference.storage.interface import Storage


class StorageSettings(Protocol):
    """The settings that choose and bound the storage."""

    @property
    def storage_mode(self) -> Literal["strict", "degraded"]: ...
    @property
    def storage_backend(self) -> Literal["memory", "redis_streams"]: ...
    @property
    def redis_url(self) -> str: ...
    @property
    def storage_timeout_seconds(self) -> float: ...
    @property
    def max_history_size(self) -> int: ...


def open_storage(settings: StorageSettings, clock: Callable[[], float]) -> Storage:
    """The storage of `settings`, not yet started; `clock` gives seconds since the epoch.

    Raises:
        ValueError: strict with backend memory, which promises what it cannot keep.
    """
    raise NotImplementedError
