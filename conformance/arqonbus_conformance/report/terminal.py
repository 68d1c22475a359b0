"""The report for people: a matrix, the failures and what to do next."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arqonbus_conformance.fingerprint import NAMES
from arqonbus_conformance.report.advice import named
from arqonbus_conformance.report.model import Failure, Report
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.report.style import SIGN, STYLE
from arqonbus_conformance.requirements import SUITES, Level
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waivers import FAULTS

__all__ = ["show"]

SHOWN_FAILURES: Final = 20
"""How many failures are shown in full; the report has them all."""
SHOWN_REASONS: Final = 6
"""How many different reasons of undecided cases are shown."""
SHOWN_FRAMES: Final = 8
"""How many of the last lines of a transcript are shown."""
SHOWN_COLUMNS: Final = 200
"""How much of each of them is shown."""
SHOWN_CHARACTERS: Final = 600
"""How much of a long value is shown."""


def show(report: Report, console: Console, *, verbose: bool = False) -> None:
    """Print the matrix, the failures, what was noted, and the closing sentence."""
    if report.cases:
        console.print(_matrix(report))
        legend = "  ".join(
            f"[{STYLE[verdict]}]{SIGN[verdict]}[/] {str(verdict).replace('_', ' ')}" for verdict in Verdict
        )
        console.print(f"{legend}\n", highlight=False)
    worst_first = sorted(report.failures, key=lambda failure: -Verdict(failure.verdict).rank)
    shown = [failure for failure in worst_first if failure.verdict in {Verdict.VIOLATED, Verdict.BROKEN}]
    for failure in shown[:SHOWN_FAILURES]:
        _show_failure(failure, console, verbose=verbose)
    if len(shown) > SHOWN_FAILURES:
        console.print(f"... and {len(shown) - SHOWN_FAILURES} more, all of them in the report\n")
    for fault in report.faults:
        text = fault if verbose else fault.partition("\n")[0]
        console.print(f"[bold magenta]suite fault[/] {escape(text)}", highlight=False)
    for thing in report.leftovers.found:
        console.print(
            f"[bold magenta]left behind[/] {escape(readable(thing))}", highlight=False, soft_wrap=True
        )
    _show_undecided(report, console)
    for line in report.requirements:
        if line.level == Level.SHOULD and line.verdict == Verdict.VIOLATED:
            console.print(f"[yellow]SHOULD violated[/] {line.id} {escape(line.sentence)}", highlight=False)
    for waiver in report.waivers:
        style = "red" if waiver.status in FAULTS else "yellow"
        said = f"until {waiver.expires}, {waiver.owner}, {waiver.issue}: {waiver.problem or waiver.reason}"
        console.print(
            f"[{style}]waiver {waiver.status}[/] {waiver.requirement} {escape(said)}",
            highlight=False,
            soft_wrap=True,
        )
    for note in report.notes:
        console.print(f"[dim]note:[/] {escape(note)}", highlight=False)
    _show_closing(report, console)


def _counted(counts: Counter[Verdict]) -> str:
    return ", ".join(
        f"{counts[verdict]} {str(verdict).replace('_', ' ')}"
        for verdict in reversed(Verdict)
        if counts[verdict]
    )


def _show_undecided(report: Report, console: Console) -> None:
    """Why cases decided nothing, each reason once with how many cases share it."""
    for verdict in (Verdict.UNKNOWN, Verdict.UNVERIFIED):
        reasons = Counter(line.reason for line in report.cases if line.verdict == verdict)
        for reason, count in reasons.most_common(SHOWN_REASONS):
            said = f"[{STYLE[verdict]}]{verdict}[/] {count} cases: {_cut(reason)}"
            console.print(said, highlight=False, soft_wrap=True)
        if len(reasons) > SHOWN_REASONS:
            console.print(f"... and {len(reasons) - SHOWN_REASONS} other reasons, all of them in the report")
    missing = [
        line.id for line in report.requirements if not line.cases and line.verdict == Verdict.UNVERIFIED
    ]
    if missing and report.cases:
        console.print(
            f"[yellow]unverified[/] {len(missing)} requirements have no case that ran: {named(missing)}",
            highlight=False,
            soft_wrap=True,
        )


def _matrix(report: Report) -> Table:
    table = Table(title=f"ArqonBus conformance of {escape(report.target.name)}", title_justify="left")
    table.add_column("area")
    table.add_column("requirements", justify="right")
    for suite in SUITES:
        table.add_column(suite, justify="right")
    areas = list(dict.fromkeys(line.id.partition("-")[0] for line in report.requirements))
    for area in areas:
        of_area = [Verdict(line.verdict) for line in report.requirements if line.id.startswith(f"{area}-")]
        cells = [
            _cell(
                [
                    Verdict(case.verdict)
                    for case in report.cases
                    if case.suite == suite and any(name.startswith(f"{area}-") for name in case.requirements)
                ]
            )
            for suite in SUITES
        ]
        table.add_row(area, _cell(of_area), *cells)
    return table


def _cell(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    worst_first = [verdict for verdict in reversed(Verdict) if counts[verdict]]
    return " ".join(f"[{STYLE[verdict]}]{counts[verdict]}{SIGN[verdict]}[/]" for verdict in worst_first)


def _cut(text: str) -> str:
    return escape(readable(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."))


def _show_failure(failure: Failure, console: Console, *, verbose: bool) -> None:
    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    style = STYLE[Verdict(failure.verdict)]
    waived = " [yellow](waived)[/]" if failure.waived else ""
    say(
        f"[{style}]{failure.verdict}[/]{waived} [bold]{', '.join(failure.requirements)}[/] {escape(failure.case)}"
    )
    say(f"  {escape(failure.sentence)}")
    for label, text in (
        ("found", failure.reason),
        ("expected", failure.expected),
        ("actual", failure.actual),
    ):
        if text:
            say(f"  [dim]{label}:[/] {_cut(text)}")
    for entry in failure.transcript[-SHOWN_FRAMES:]:
        say(f"  [dim]{escape(readable(entry.line()[:SHOWN_COLUMNS]))}[/]")
    if verbose and failure.traceback:
        say(escape(failure.traceback))
    if failure.signature:
        say(f"  [dim]signature:[/] {escape(readable(failure.signature))}")
    say(f"  [dim]replay:[/] {escape(failure.replay)}\n")


def _show_closing(report: Report, console: Console) -> None:
    cases = Counter(Verdict(line.verdict) for line in report.cases)
    requirements = Counter(Verdict(line.verdict) for line in report.requirements)
    console.print(
        f"{len(report.cases)} cases ({_counted(cases) or 'none'}); "
        f"{len(report.requirements)} requirements ({_counted(requirements) or 'none'}); "
        f"scope {report.scope}, level {report.level}, {report.seconds:.1f} s, seed {report.seed}",
        highlight=False,
    )
    if (made := report.mutation) is not None:
        console.print(
            f"mutation score {100 * made.score:.1f} %: {made.killed} of {made.total} known-bad deployments caught",
            highlight=False,
        )
    console.print(f"target {escape(_target(report))}", highlight=False, soft_wrap=True)
    style = {"pass": "bold green", "fail": "bold red", "fault": "bold magenta"}.get(
        report.verdict, "bold yellow"
    )
    console.print(
        f"[{style}]{report.verdict.upper()}[/] {escape(report.sentence)}", highlight=False, soft_wrap=True
    )


def _target(report: Report) -> str:
    """The target with what tells it from others, as far as that is known."""
    known = [
        f"{words} {readable(value)}"
        for field, words in NAMES.items()
        if (value := getattr(report.target.fingerprint, field)) is not None
    ]
    return ", ".join((readable(report.target.name), *known))
