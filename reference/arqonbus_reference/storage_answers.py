"""What a client is told when the storage cannot do what it asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from arqonbus_reference.errors import CommandError
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    InvalidCursorError,
    MissingSequenceError,
    StorageUnavailableError,
    UnknownGroupError,
)


@contextmanager
def told_to_client() -> Iterator[None]:
    """Turn each error of the storage into the CommandError that a client may see, without internal text."""
    try:
        yield
    except StorageUnavailableError as error:
        raise CommandError("STORAGE_UNAVAILABLE", "the storage is not available; try again later") from error
    except CapabilityUnavailableError as error:
        raise CommandError("CAPABILITY_UNAVAILABLE", "consumer groups need durable storage") from error
    except UnknownGroupError as error:
        raise CommandError("TARGET_NOT_FOUND", "group: no such consumer group on this channel") from error
    except InvalidCursorError as error:
        raise CommandError("COMMAND_VALIDATION_ERROR", "cursor: not a cursor of an earlier page") from error
    except MissingSequenceError as error:
        raise CommandError(
            "TARGET_NOT_FOUND",
            f"sequence {error.first} to {error.last} missing in the window",
            {"missing_from": error.first, "missing_to": error.last},
        ) from error
