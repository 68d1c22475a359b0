"""No silent failure: an exception caught anywhere is counted, announced and logged (INT)."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from arqonbus_reference.telemetry import TelemetryHub

LOG_INTERVAL_SECONDS: Final = 1.0
"""At most one traceback per site is logged in this time; the next line says how many were not."""


class ErrorLog(Protocol):
    """The one method of a structlog logger that is needed here."""

    def error(self, event: str, **fields: object) -> object:
        """Write a line."""
        ...


class Counted(Protocol):
    """Where errors are counted, by site."""

    errors: dict[str, int]


class Faults:
    """Takes every exception that a hot path catches."""

    def __init__(
        self,
        metrics: Counted,
        telemetry: TelemetryHub | None,
        log: ErrorLog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._telemetry = telemetry
        self._log = log
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}

    def report(self, site: str, error: BaseException) -> None:
        """Count the error under `site` (a constant of the program, such as `storage.append`), announce and log it."""
        errors = self._metrics.errors
        errors[site] = errors.get(site, 0) + 1
        if self._telemetry is not None:
            self._telemetry.emit(f"error.{site}", "error", site=site, error=type(error).__name__)
        now = self._clock()
        if now - self._logged_at.get(site, -LOG_INTERVAL_SECONDS) < LOG_INTERVAL_SECONDS:
            self._unlogged[site] = self._unlogged.get(site, 0) + 1
            return
        self._logged_at[site] = now
        self._log.error("error caught", site=site, unlogged=self._unlogged.pop(site, 0), exc_info=error)
