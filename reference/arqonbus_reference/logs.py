"""Structured lines on standard error, in which no secret appears."""

import importlib
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TextIO, cast

from arqonbus_reference.secret import HIDDEN

MAX_FIELD_CHARACTERS: Final = 8192
"""Of a longer text (a traceback, as a rule) the end is kept: it names the error."""
MINIMUM_SECRET_CHARACTERS: Final = 4
"""A shorter secret would turn every line into asterisks; the checks of the settings refuse such ones."""

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){1,2}")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s\"'@]*(?=@)")
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log(Protocol):
    """The logger of the deployment: an event in plain words and its fields."""

    def debug(self, event: str, **fields: Any) -> Any:
        """For who looks for a fault."""
        ...

    def info(self, event: str, **fields: Any) -> Any:
        """For who wants to know."""
        ...

    def warning(self, event: str, **fields: Any) -> Any:
        """For who should act some day."""
        ...

    def error(self, event: str, **fields: Any) -> Any:
        """For who must act; `exc_info` takes the exception."""
        ...


class Redaction:
    """Removes given secrets, bearer tokens and the credentials in URLs from a rendered line."""

    def __init__(self, secrets: Sequence[str]) -> None:
        spellings = {secret for secret in secrets if len(secret) >= MINIMUM_SECRET_CHARACTERS}
        # as it stands inside a JSON string, and inside the repr of one
        spellings |= {json.dumps(secret)[1:-1] for secret in spellings}
        spellings |= {repr(secret)[1:-1] for secret in spellings}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, line: str) -> str:
        """The line with every secret replaced by ***."""
        if self._secrets is not None:
            line = self._secrets.sub(HIDDEN, line)
        return _URL_PASSWORD.sub(HIDDEN, _TOKEN.sub(HIDDEN, line))


def open_log(
    level: str = "info", line_format: str = "json", secrets: Sequence[str] = (), stream: TextIO | None = None
) -> Log:
    """A logger that writes lines of at least `level` to `stream` (standard error), and takes over the standard library's."""
    structlog = _structlog()
    redact = Redaction(secrets)
    renderer = (
        structlog.processors.JSONRenderer()
        if line_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )

    def bound(_logger: Any, _method: str, fields: Any) -> Any:
        # Redacted before it is cut: half a secret would not be recognised.
        return {
            name: redact(value)[-MAX_FIELD_CHARACTERS:] if isinstance(value, str) else value
            for name, value in fields.items()
        }

    def render(logger: Any, method: str, fields: Any) -> str:
        return redact(str(renderer(logger, method, fields)))

    processors = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        bound,
        render,
    ]
    log = structlog.wrap_logger(
        _Lines(stream or sys.stderr),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
    )
    logging.basicConfig(level=max(_LEVELS[level], logging.WARNING), handlers=[_Forward(log)], force=True)
    return cast("Log", log)


class _Lines:
    """Writes lines to a stream, and counts those it would not take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Standard error is gone: there is nowhere left to say so, and the bus must live on.
            self.lost += 1

    debug = info = warning = error = write


class _Forward(logging.Handler):
    """Lines of aiohttp, websockets, redis and asyncio, in the same format."""

    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        method = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        method(record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _structlog() -> Any:
    with _without("rich"):
        return importlib.import_module("structlog")


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Imports meanwhile do not find `module`: structlog would load rich for tracebacks, 0.15 s of CPU at each start."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = cast("Any", None)  # the documented way to make an import fail
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]
