import time

import pytest
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.degraded import DegradedStorage
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.opening import open_storage
from arqonbus_reference.storage.streams import StreamsStorage


@pytest.mark.parametrize(
    ("mode", "backend", "kind"),
    [
        ("degraded", "memory", MemoryStorage),
        ("degraded", "redis_streams", DegradedStorage),
        ("strict", "redis_streams", StreamsStorage),
    ],
)
def test_the_settings_choose_the_storage(mode, backend, kind):
    """Mode and backend name one storage, which says of itself what it was opened as."""
    storage = open_storage(Settings(storage_mode=mode, storage_backend=backend), time.time)

    assert type(storage) is kind
    assert storage.status()[:2] == (mode, backend)


def test_strict_memory_is_no_storage():
    """What promises durability and has none is not opened."""
    with pytest.raises(ValueError, match="strict"):
        open_storage(Settings(storage_mode="strict", storage_backend="memory"), time.time)
