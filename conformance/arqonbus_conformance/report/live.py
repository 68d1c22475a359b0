"""How a run goes, told while it goes: a view that moves on a terminal, a line now and then elsewhere."""

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live as Moving
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.power import Power, measured_power
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.report.remaining import Remaining
from arqonbus_conformance.report.style import SIGN, STYLE
from arqonbus_conformance.verdict import Verdict

__all__ = ["Live", "console_for"]

PLAIN_LINE_SECONDS: Final = 5.0
"""The least time between two lines of progress where nothing moves, in seconds."""
FRAMES_PER_SECOND: Final = 8
"""How often the view is drawn anew."""
SHOWN_RUNNING: Final = 4
"""How many of the running cases are shown."""
REASON_CHARACTERS: Final = 300
"""How much is shown at once of why a case failed; the rest comes at the end."""
BAR_COLUMNS: Final = (8, 40)
"""The least and the most columns of the bar."""
BESIDE_BAR_COLUMNS: Final = 48
"""The columns that stand beside the bar."""
OFF: Final = frozenset({"", "0", "false"})
"""What the variable CI holds where it means no."""
WAIVED: Final = "waived"
"""What a violation is counted as that a waiver allows."""
COUNTED: Final = (
    Verdict.HOLDS,
    Verdict.VIOLATED,
    WAIVED,
    Verdict.BROKEN,
    Verdict.UNKNOWN,
    Verdict.UNVERIFIED,
    Verdict.NOT_APPLICABLE,
    Verdict.OUT_OF_SCOPE,
)
"""The order in which verdicts are counted."""
ALWAYS: Final = frozenset({Verdict.HOLDS, Verdict.VIOLATED})
"""What is counted even where there is none."""
TOLD: Final = frozenset({Verdict.VIOLATED, Verdict.BROKEN})
"""What is told at once."""


def console_for(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """A console on this stream, where what cannot be encoded is replaced.

    Nothing moves and nothing is coloured in continuous integration (the variable CI), whether on a terminal or not.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    if environ.get("CI", "").lower() not in OFF:
        return Console(file=stream, force_terminal=False, force_interactive=False)
    # Whoever forces colours into a file does not want a bar in it.
    return Console(file=stream, force_interactive=None if stream.isatty() else False)


class Live:
    """Tells how one run goes.

    On an interactive console a bar, how many cases have which verdict, and what runs now, with each violation above
    it as it is found; elsewhere a line per violation, and one of progress at most every ``PLAIN_LINE_SECONDS``.
    """

    def __init__(self, console: Console, power: Power | None = None) -> None:
        self._console = console
        self._power = power if power is not None else measured_power()
        self._moving: Moving | None = None
        self._total = self._done = 0
        self._counts: Counter[str] = Counter()
        self._running: dict[str, float] = {}
        self._remaining = Remaining((), self._power)
        self._began = self._last_line = time.monotonic()
        self._stopping = False

    def started(self, cases: Sequence[str]) -> None:
        """Begin to show progress over these cases."""
        self._total = len(cases)
        self._began = self._last_line = time.monotonic()
        self._remaining = Remaining(cases, self._power)
        if not cases:
            return
        if self._console.is_interactive:
            self._moving = Moving(
                self, console=self._console, transient=True, refresh_per_second=FRAMES_PER_SECOND
            )
            self._moving.start()
        else:
            self._say(Text(f"judging {self._total} cases"))

    def case_started(self, case: str) -> None:
        """Show that this case runs."""
        self._running[case] = time.monotonic()

    def case_finished(self, result: CaseResult, *, waived: bool) -> None:
        """Count a verdict, and tell a violation."""
        self._done += 1
        self._counts[WAIVED if waived else result.verdict] += 1
        self._running.pop(result.id, None)
        self._remaining.finished(result.id)
        if result.verdict in TOLD:
            self._say(_told(result, waived=waived))
        if self._moving is None and time.monotonic() - self._last_line >= PLAIN_LINE_SECONDS:
            self._last_line = time.monotonic()
            self._say(self._plain())

    def stopping(self, within_seconds: float) -> None:
        """Say that the run was interrupted, and how long its end may take."""
        self._stopping = True
        self._say(
            Text(
                f"interrupted: no more cases are taken, and what runs is ended within {within_seconds:g} s; "
                "interrupt again to end it at once",
                style="yellow",
            )
        )

    def stop(self) -> None:
        """Take the view away; again is nothing."""
        if self._moving is not None:
            self._moving.stop()
            self._moving = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The view as it is now; drawn by a thread of its own."""
        width = min(BAR_COLUMNS[1], max(BAR_COLUMNS[0], options.max_width - BESIDE_BAR_COLUMNS))
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text("stopping", style="yellow") if self._stopping else Text("judging"),
            ProgressBar(total=self._total, completed=self._done, width=width),
            Text(f"{self._done}/{self._total}"),
            Text(self._times(), style="dim"),
        )
        yield line
        yield _counted(self._counts)
        running = sorted(self._running.copy().items(), key=lambda one: one[1])
        now = time.monotonic()
        for case, since in running[:SHOWN_RUNNING]:
            yield Text(f"  {now - since:3.0f} s {case}", style="dim", no_wrap=True, overflow="ellipsis")
        if len(running) > SHOWN_RUNNING:
            yield Text(f"  and {len(running) - SHOWN_RUNNING} more", style="dim")

    def _times(self) -> str:
        """How long it has run, how long it will, and how the latter is known."""
        now = time.monotonic()
        running = [(case, now - since) for case, since in self._running.copy().items()]
        estimate = None if self._stopping else self._remaining.estimate(now - self._began, running)
        left = f", {_clock(estimate.seconds)} left ({estimate.basis})" if estimate is not None else ""
        return f"{_clock(now - self._began)}{left}"

    def _plain(self) -> Text:
        case = next(iter(self._running), "")
        return Text.assemble(
            f"{self._done}/{self._total} {self._times()}: ",
            _counted(self._counts),
            f"; now {case}" if case else "",
        )

    def _say(self, line: Text) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _told(result: CaseResult, *, waived: bool) -> Text:
    reason = readable(result.finding.reason).partition("\n")[0] if result.finding is not None else ""
    cut = f"{reason[:REASON_CHARACTERS]}..." if len(reason) > REASON_CHARACTERS else reason
    return Text.assemble(
        (f"{SIGN[result.verdict]} {result.verdict}", STYLE[result.verdict]),
        (f" ({WAIVED})", "yellow") if waived else "",
        " ",
        (", ".join(result.requirements), "bold"),
        f" {result.id}: {cut}",
    )


def _counted(counts: Mapping[str, int]) -> Text:
    parts = [
        Text(
            f"{counts.get(name, 0)} {name.replace('_', ' ')}",
            STYLE.get(name, "yellow") if counts.get(name) else "dim",
        )
        for name in COUNTED
        if counts.get(name) or name in ALWAYS
    ]
    return Text(", ").join(parts)


def _clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
