"""What the tests of signing and verifying share: reports to sign, and how a command ended."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arqonbus_conformance.report.model import Selection
from made_reports import made_document

Ended = Callable[..., tuple[int, str]]


def write_report(*, hours_ago: float = 0.0, **changes: Any) -> None:
    began = datetime.now(UTC) - timedelta(hours=hours_ago)
    document = made_document(started_at=began.isoformat(timespec="seconds"), **changes)
    Path("report.json").write_text(json.dumps(document))


def signed(gate: Ended, *options: str, **changes: Any) -> None:
    write_report(**changes)
    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json", *options)
    assert code == 0, said


def smoke_report(**changes: Any) -> dict[str, Any]:
    """What a run of level smoke reports: some of the requirements, all of which hold."""
    lines = made_document()["requirements"][:20]
    return {"level": "smoke", "selection": Selection(complete=False, **changes), "requirements": tuple(lines)}
