"""What is judged: a target profile, parsed once into types that cannot be wrong."""

from typing import Final, NamedTuple

__all__ = ["DEGRADED", "STRICT", "Endpoints"]

STRICT: Final[dict[str, str | None]] = {
    "ARQONBUS_ENVIRONMENT": "staging",
    "ARQONBUS_STORAGE_MODE": "strict",
    "ARQONBUS_STORAGE_BACKEND": "redis_streams",
    "ARQONBUS_ENABLE_AUTH": "true",
}
"""Environment of a strict deployment in staging; the secret and the storage URL come on top."""
DEGRADED: Final[dict[str, str | None]] = {
    "ARQONBUS_STORAGE_MODE": "degraded",
    "ARQONBUS_STORAGE_BACKEND": "redis_streams",
}
"""Environment of a degraded deployment in dev; the storage URL comes on top."""


class Endpoints(NamedTuple):
    """Where the interfaces of a deployment are; None for one that is not known."""

    bus: str
    http: str | None
    telemetry: str | None
