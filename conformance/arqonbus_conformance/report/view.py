"""What the report page shows, arranged: tiles by area and suite, conversations, bars. Pure; a document in, values out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from arqonbus_conformance.requirements import SUITES
from arqonbus_conformance.verdict import Verdict

__all__ = [
    "Bar",
    "Facts",
    "Row",
    "Shown",
    "bars",
    "counted",
    "facts",
    "matrix",
    "shown_failures",
    "words",
]

Document = Mapping[str, Any]
"""A report, as JSON values."""

SIGN: Final = {
    Verdict.HOLDS: "\u2713",
    Verdict.VIOLATED: "\u2717",
    Verdict.BROKEN: "!",
    Verdict.UNKNOWN: "?",
    Verdict.UNVERIFIED: "\u2013",
    Verdict.NOT_APPLICABLE: "\u00b7",
    Verdict.OUT_OF_SCOPE: "\u25cb",
}
"""What stands beside the colour of a verdict, so that no reader depends on colour."""
PAGE_ENTRIES: Final = 20_000
"""How many transcript entries one page shows in all; the JSON report has those that are kept."""
FEWEST_ENTRIES: Final = 8
"""How many of the last entries each failure shows at least, however many failures there are."""
PEER_COLOURS: Final = 6
"""How many peers of a conversation are told apart by colour."""


class Row(NamedTuple):
    """One area of the matrix: its requirements in the order of their suites."""

    area: str
    counts: tuple[tuple[str, int], ...]
    cells: tuple[tuple[str, tuple[Document, ...]], ...]


class Shown(NamedTuple):
    """A failure as the page shows it: the entries, each with the number of its peer's colour, and how many are not shown."""

    failure: Document
    entries: tuple[tuple[Document, int], ...]
    not_shown: int
    suite: str


class Bar(NamedTuple):
    """One bar of the histogram: what it counts, how much, and its height as a fraction (0 to 1)."""

    label: str
    cases: int
    height: float


class Facts(NamedTuple):
    """What filters ask about a case or failure: the areas and phases of the requirements it is about."""

    areas: str
    phases: str


def words(verdict: str) -> str:
    """A verdict as a reader reads it."""
    return verdict.replace("_", " ")


def counted(verdicts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How often each verdict is there, the worst first."""
    counts = Counter(verdicts)
    return tuple((str(one), counts[one]) for one in reversed(Verdict) if counts[one])


def matrix(document: Document) -> tuple[Row, ...]:
    """The requirements by area, and in it by suite."""
    lines: Sequence[Document] = document["requirements"]
    rows = []
    for area in dict.fromkeys(line["area"] for line in lines):
        own = [line for line in lines if line["area"] == area]
        cells = tuple((suite, tuple(line for line in own if line["suite"] == suite)) for suite in SUITES)
        rows.append(Row(area, counted(line["verdict"] for line in own), cells))
    return tuple(rows)


def facts(document: Document) -> dict[str, Facts]:
    """By case id: what its requirements belong to."""
    phase_of = {line["id"]: line["phase"] for line in document["requirements"]}
    return {
        case["id"]: Facts(
            " ".join(sorted({name.partition("-")[0] for name in case["requirements"]})),
            " ".join(
                str(phase) for phase in sorted({phase_of.get(name, -1) for name in case["requirements"]})
            ),
        )
        for case in document["cases"]
    }


def shown_failures(document: Document) -> tuple[Shown, ...]:
    """The failures, the worst first, with as much of their transcripts as a page can hold."""
    failures: Sequence[Document] = document["failures"]
    suite_of = {case["id"]: case["suite"] for case in document["cases"]}
    share = max(FEWEST_ENTRIES, PAGE_ENTRIES // max(1, len(failures)))
    worst_first = sorted(failures, key=lambda one: (one["waived"], -Verdict(one["verdict"]).rank))
    made = []
    for failure in worst_first:
        peers = {name: number for number, name in enumerate(dict.fromkeys(_peers(failure)))}
        entries = tuple(
            (entry, peers[entry["peer"]] % PEER_COLOURS) for entry in failure["transcript"][-share:]
        )
        not_shown = failure["dropped"] + len(failure["transcript"]) - len(entries)
        made.append(Shown(failure, entries, not_shown, suite_of.get(failure["case"], "")))
    return tuple(made)


def _peers(failure: Document) -> Iterable[str]:
    return (entry["peer"] for entry in failure["transcript"])


def bars(document: Document) -> tuple[Bar, ...]:
    """The histogram of how long cases took."""
    bins: Sequence[Document] = document["timing"]["histogram"]
    most = max((one["cases"] for one in bins), default=0)
    made = []
    for number, one in enumerate(bins):
        bound = one["upto_seconds"]
        label = (
            f"\u2264 {_seconds(bound)}" if bound is not None else f"> {_seconds(_bound_before(bins, number))}"
        )
        made.append(Bar(label, one["cases"], one["cases"] / most if most else 0.0))
    return tuple(made)


def _bound_before(bins: Sequence[Document], number: int) -> float:
    return float(bins[number - 1]["upto_seconds"]) if number else 0.0


def _seconds(value: float) -> str:
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"
