"""Metrics as text exposition, read as a scraper reads them."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from arqonbus_conformance import expect


def families_in(text: str) -> list[Metric]:
    """The families of an exposition.

    Raises:
        Violation: it is none.
    """
    try:
        return list(text_string_to_metric_families(text))
    except ValueError as fault:
        raise expect.Violation(
            "the exposition cannot be read", expected="text exposition", actual=f"{fault}: {text}"
        ) from fault
