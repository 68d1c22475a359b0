"""The report as JSON, closed by a footer that shows whether it is whole."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from arqonbus_conformance.report.model import Report

__all__ = ["as_document", "digest_of", "is_whole", "report_schema", "write_json"]


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 over everything in a report but its footer, as JSON with sorted keys and no spaces."""
    rest = {name: value for name, value in document.items() if name != "footer"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON values, the footer last."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    document["footer"] = {
        "cases": len(report.cases),
        "requirements": len(report.requirements),
        "verdicts": dict(sorted(Counter(line.verdict for line in report.cases).items())),
        "digest": digest_of(document),
    }
    return document


def is_whole(document: Mapping[str, Any]) -> bool:
    """Whether the footer is there and agrees with everything above it."""
    footer = document.get("footer")
    return isinstance(footer, dict) and footer.get("digest") == digest_of(document)


def report_schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    text = resources.files("arqonbus_conformance").joinpath("schemas/report.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def write_json(report: Report, path: Path) -> None:
    """Write the report; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_document(report), indent=1, ensure_ascii=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text + "\n", "utf-8")
    unfinished.replace(path)
