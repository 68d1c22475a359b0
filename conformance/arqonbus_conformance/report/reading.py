"""Reading a report back: only one that is whole, valid and consistent with itself is taken."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import jsonschema_rs
import msgspec

from arqonbus_conformance.report.json_report import is_whole, report_schema
from arqonbus_conformance.report.model import SCHEMA_VERSION, Report

__all__ = ["ReportError", "as_report", "parse_report", "read_report"]

MOST_REPORT_BYTES: Final = 256 * 1024 * 1024
"""The largest report that is read."""


class ReportError(Exception):
    """A report that cannot be relied on; the text says which file it is and what is wrong with it."""


def read_report(path: Path) -> dict[str, Any]:
    """The report in this file, as JSON values with its footer.

    Raises:
        ReportError: the file cannot be read, is larger than ``MOST_REPORT_BYTES``, or holds no whole report.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_REPORT_BYTES + 1)
    except OSError as fault:
        raise ReportError(f"{str(path)!r} cannot be read: {fault.strerror}") from fault
    if len(raw) > MOST_REPORT_BYTES:
        raise ReportError(
            f"{str(path)!r} is larger than {MOST_REPORT_BYTES} bytes, the largest report allowed"
        )
    return parse_report(raw, repr(str(path)))


def parse_report(raw: bytes, name: str) -> dict[str, Any]:
    """The report that these bytes are; ``name`` is what an error calls them.

    Raises:
        ReportError: they are no JSON object with each key once, do not fit the schema, or the footer is missing or
            disagrees with what stands above it.
    """
    if not raw.strip():
        raise ReportError(f"{name} is empty: a whole report ends with its footer")
    document = _json(raw, name)
    if not isinstance(document, dict):
        raise ReportError(f"{name} is no report: it holds {type(document).__name__}, allowed: a JSON object")
    if "footer" not in document:
        raise ReportError(f"{name} is truncated or edited: its footer is missing")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReportError(f"{name}: schema_version {version!r} is not allowed; allowed: {SCHEMA_VERSION!r}")
    if not is_whole(document):
        raise ReportError(f"{name} is truncated or edited: its footer's digest is not that of its content")
    _check_schema(document, name)
    _check_counts(document, name)
    return document


def as_report(document: Mapping[str, Any]) -> Report:
    """The same report as a value; the footer is left out.

    Raises:
        ReportError: a field has a type that it cannot have.
    """
    rest = {name: value for name, value in document.items() if name != "footer"}
    try:
        return msgspec.convert(rest, Report)
    except msgspec.ValidationError as fault:
        raise ReportError(f"this is no report: {fault}") from fault


def _json(raw: bytes, name: str) -> object:
    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Readers differ in which of two equal keys they believe, so an edit could show each of them another report.
        twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
        if twice:
            raise ReportError(f"{name} is edited: the key {twice[0]!r} is there more than once")
        return dict(pairs)

    def constant(word: str) -> NoReturn:
        raise ReportError(f"{name} is edited: {word} is not allowed; allowed: JSON numbers")

    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=object_of, parse_constant=constant)
    except UnicodeDecodeError as fault:
        raise ReportError(f"{name} is no report: byte {fault.start} is not UTF-8") from fault
    except (json.JSONDecodeError, RecursionError) as fault:
        raise ReportError(f"{name} is truncated or no report: it ends or breaks as JSON: {fault}") from fault


def _check_schema(document: Mapping[str, Any], name: str) -> None:
    try:
        jsonschema_rs.validate(report_schema(), document)
    except jsonschema_rs.ValidationError as fault:
        where = "/".join(str(step) for step in fault.instance_path) or "the report"
        raise ReportError(f"{name} does not fit the schema of reports: {where}: {fault.message}") from fault


def _check_counts(document: Mapping[str, Any], name: str) -> None:
    """The footer's own numbers, which its digest does not cover."""
    footer = document["footer"]
    counted = {
        "cases": len(document["cases"]),
        "requirements": len(document["requirements"]),
        "verdicts": dict(Counter(line["verdict"] for line in document["cases"])),
    }
    for field, value in counted.items():
        if footer[field] != value:
            raise ReportError(f"{name} is edited: footer.{field} is {footer[field]!r}, there are {value!r}")
