"""The codes a client may be told, and the exception that carries one."""

from typing import Any, Literal

ErrorCode = Literal[
    "VALIDATION_ERROR",
    "AUTHENTICATION_FAILED",
    "AUTHORIZATION_DENIED",
    "RATE_LIMIT_EXCEEDED",
    "POLICY_DENIED",
    "SPINE_UNAVAILABLE",
    "TARGET_NOT_FOUND",
    "COMMAND_NOT_FOUND",
    "COMMAND_VALIDATION_ERROR",
    "FEATURE_DISABLED",
    "CAPABILITY_UNAVAILABLE",
    "STORAGE_UNAVAILABLE",
    "INTERNAL_ERROR",
]


class CommandError(Exception):
    """A command that cannot be carried out; `message` is for the client and holds nothing internal."""

    def __init__(self, code: ErrorCode, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.data = data or {}
