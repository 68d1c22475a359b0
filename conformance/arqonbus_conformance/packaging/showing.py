"""What was found of a package, for people."""

from collections import Counter
from typing import Final

from rich.console import Console
from rich.markup import escape

from arqonbus_conformance.packaging.finding import PackageSeverity
from arqonbus_conformance.packaging.report import PackageReport
from arqonbus_conformance.report.readable import readable

__all__ = ["conclusion", "show_package"]

STYLE: Final = {
    PackageSeverity.BLOCKER: "bold red",
    PackageSeverity.CRITICAL: "red",
    PackageSeverity.HIGH: "yellow",
    PackageSeverity.NOTE: "dim",
}


def conclusion(report: PackageReport) -> str:
    """One sentence on the whole."""
    if report.undecided:
        return f"not looked at to the end: {report.undecided}"
    counts = Counter(str(one.severity) for one in report.failures)
    if not counts:
        return "nothing is wrong with it"
    said = ", ".join(f"{counts[severity]} {severity}" for severity in PackageSeverity if counts[severity])
    return f"it is not fit to be released: {said}"


def show_package(report: PackageReport, console: Console) -> None:
    """Print the findings, the heaviest first, and what they amount to."""
    for one in report.findings:
        style = STYLE[one.severity]
        console.print(
            f"[{style}]{one.severity}[/] [bold]{one.id}[/] {escape(readable(one.where))}",
            highlight=False,
            soft_wrap=True,
        )
        for label, text in (("found", one.what), ("expected", one.expected), ("next", one.next_step)):
            console.print(f"  [dim]{label:9}[/]{escape(readable(text))}", highlight=False, soft_wrap=True)
    named = f"{report.distribution} {report.version}".strip() or report.subject
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    tried = f"Python {report.python}, {report.installer}" if report.installer else f"Python {report.python}"
    console.print(
        f"[dim]{escape(readable(named))}: {', '.join(report.checks)}; {tried}, {report.seconds:.1f} s[/]",
        highlight=False,
        soft_wrap=True,
    )
    style = "bold green" if report.exit_code == 0 else "bold red"
    console.print(f"[{style}]{escape(readable(conclusion(report)))}[/]", highlight=False, soft_wrap=True)
