"""The kill matrix as one self-contained page: mutants by areas of requirements, coloured by what was found."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from arqonbus_conformance.mutation.matrix import Kill, Matrix, Outcome
from arqonbus_conformance.verdict import Verdict, roll_up

__all__ = ["page", "write_page"]


class Cell(NamedTuple):
    """One mutant against one area: the worst verdict there ("" where nothing was looked at), and what it is about."""

    verdict: str
    own: bool
    about: str


class Row(NamedTuple):
    """One mutant and its cells, in the order of the areas."""

    kill: Kill
    cells: tuple[Cell, ...]


def _row(kill: Kill, areas: Sequence[str]) -> Row:
    by_area: dict[str, list[tuple[str, Verdict]]] = defaultdict(list)
    for name, verdict in kill.verdicts.items():
        by_area[name.partition("-")[0]].append((name, verdict))
    cells = []
    for area in areas:
        found = by_area.get(area, [])
        violated = [name for name, verdict in found if verdict is Verdict.VIOLATED]
        worst = str(roll_up(verdict for _, verdict in found)) if found else ""
        about = ", ".join(violated) or ", ".join(name for name, _ in found)
        cells.append(Cell(worst, kill.requirement.startswith(f"{area}-"), about))
    return Row(kill, tuple(cells))


def page(matrix: Matrix, areas: Sequence[str]) -> str:
    """The page; survivors come first, then mutants that another requirement caught."""
    environment = Environment(
        loader=PackageLoader("arqonbus_conformance.mutation"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    worst_first = [Outcome.SURVIVED, Outcome.OTHER, Outcome.KILLED]
    ordered = sorted(matrix.mutants, key=lambda kill: (worst_first.index(kill.outcome), kill.requirement))
    return environment.get_template("heat_map.html").render(
        matrix=matrix,
        areas=areas,
        rows=[_row(kill, areas) for kill in ordered],
        counts={str(outcome): matrix.count(outcome) for outcome in Outcome},
    )


def write_page(matrix: Matrix, areas: Sequence[str], path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(matrix, areas), "utf-8")
