"""``arqonbus-gate merge``: the parts of one run, put together and judged as one."""

from pathlib import Path

from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.merging import MergeError, fresh_judge, merged
from arqonbus_conformance.report.artefacts import Places, write_artefacts
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.report.terminal import show

__all__ = ["merge_command"]


@app.command(name="merge")
def merge_command(
    *parts: Path,
    out: Path,
    junit: Path | None = None,
    html: Path | None = None,
    sarif: Path | None = None,
    badge: Path | None = None,
) -> int:
    """Put the reports of all shards of one run together.

    Exit codes: those of arqonbus-gate run, as if one process had run it all; 64 where the reports are not all the
    parts of one run.

    Parameters
    ----------
    parts
        The JSON reports of run --shard 1/N to N/N, in any order.
    out
        Where the whole report is written.
    junit
        Where the JUnit report of the whole is written, if anywhere.
    html
        Where the page of the whole is written, if anywhere.
    sarif
        Where the SARIF log of the whole is written, if anywhere.
    badge
        Where the badge of the whole is written, if anywhere.
    """
    if not parts:
        raise UsageError("merge: no report was given; allowed: the reports of all shards of one run")
    places = Places(json=out, junit=junit, html=html, sarif=sarif, badge=badge)
    for option, path in places.asked():
        if any(path.resolve() == part.resolve() for part in parts):
            raise UsageError(f"{str(path)!r} is a report that is read; it is never written over")
        make_room("--out" if path is out else option, path)
    try:
        reports = [as_report(read_report(part)) for part in parts]
        report = merged(reports, fresh_judge(reports[0]))
    except MergeError as fault:
        raise UsageError(f"merge: {fault}") from fault
    write_artefacts(report, places)
    show(report, Console())
    return report.exit_code
