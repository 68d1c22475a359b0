"""``arqonbus-gate shield-rust``: a Shield written in Rust, judged by cargo."""

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.external.cargo import judged_workspace
from arqonbus_conformance.external.entering import EnteredError, entered, external_exit_code
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.report.style import STYLE
from arqonbus_conformance.verdict import Verdict

__all__ = ["shield_rust_command"]


@app.command(name="shield-rust")
def shield_rust_command(*, workspace: Path, report: Path | None = None) -> int:
    """Judge a Shield written in Rust: cargo check and cargo test of the package `shield`.

    Exit codes: 0 both hold, 1 one is violated, 2 undecided (no cargo, no such package, no test), 64 usage.

    Parameters
    ----------
    workspace
        The folder of the Cargo.toml of the workspace.
    report
        The JSON report of a run which the results enter: its verdict gets worse by them, never better.
    """
    if not (workspace / "Cargo.toml").is_file():
        raise UsageError(f"--workspace: {str(workspace)!r} is not allowed; allowed: a folder with Cargo.toml")
    run = as_report(read_report(report)) if report is not None else None
    with tempfile.TemporaryDirectory(prefix="arqonbus-cargo-") as home:
        judged = list(judged_workspace(workspace.absolute(), Path(home)))
    lines = Redaction.of_run(None, os.environ).cleaned(judged)
    console = Console()
    for line in lines:
        style = STYLE[Verdict(line.verdict)]
        told = escape(readable(line.reason))
        console.print(
            f"[{style}]{line.verdict}[/] {line.command} [dim]{line.seconds:.1f} s[/] {told}",
            highlight=False,
            soft_wrap=True,
        )
    if run is not None and report is not None:
        try:
            whole = entered(run, lines)
        except EnteredError as fault:
            raise UsageError(f"--report: {str(report)!r}: {fault}") from fault
        write_json(whole, report)
        console.print(f"entered: {report}, {whole.verdict}", markup=False, highlight=False, soft_wrap=True)
    return external_exit_code(lines)
