"""What a server does so that a write survives: looked at, not believed."""

from collections.abc import Mapping
from typing import NamedTuple

from arqonbus_reference.storage.interface import Persistence
from arqonbus_reference.storage.lane import Lane, ResponseError


class PersistenceLook(NamedTuple):
    """What was seen; `window` says for `weaker` what can be lost, and is None otherwise."""

    persistence: Persistence
    window: str | None


async def look(lane: Lane) -> PersistenceLook:
    """Ask the server how it persists.

    Raises:
        StorageUnavailableError: no answer within the timeout.
    """
    found: dict[str, str] = {}
    try:
        for name in ("appendonly", "appendfsync", "save"):
            reply = await lane.call("CONFIG", "GET", name)
            found[name] = reply[1].decode() if reply else ""
        info = (await lane.call("INFO", "persistence")).decode()
    except ResponseError:
        return PersistenceLook("not_visible", None)
    return judged(found, aof_written="aof_enabled:1" in info and "aof_last_write_status:err" not in info)


def judged(configured: Mapping[str, str], *, aof_written: bool) -> PersistenceLook:
    """Judge `appendonly`, `appendfsync` and `save` as configured, and whether the append-only file is written now."""
    save = configured["save"]
    if configured["appendonly"] == "yes" and aof_written:
        return _judged_fsync(configured["appendfsync"])
    if configured["appendonly"] == "yes":
        return PersistenceLook(
            "weaker", "the append-only file is configured but not written: everything since its last write"
        )
    if save:
        return PersistenceLook(
            "weaker", f"snapshots only (save {save}): everything since the last one, with the server too"
        )
    return PersistenceLook("off", None)


def _judged_fsync(appendfsync: str) -> PersistenceLook:
    if appendfsync == "always":
        return PersistenceLook("verified", None)
    if appendfsync == "everysec":
        return PersistenceLook(
            "weaker", "appendfsync everysec: up to 2 s of acknowledged messages are lost with the machine"
        )
    return PersistenceLook(
        "weaker",
        f"appendfsync {appendfsync}: what the system has not yet written out (often 30 s) is lost with the machine",
    )
