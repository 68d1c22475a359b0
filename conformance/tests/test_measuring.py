"""``arqonbus-gate measure``: what it takes, and what it writes."""

import json
from pathlib import Path

import pytest
from arqonbus_conformance.commands.application import UsageError
from arqonbus_conformance.commands.measure import measure_command
from arqonbus_conformance.report.json_report import digest_of
from arqonbus_fixtures.mutants.registry import all_mutants

MUTANT = next(iter(all_mutants()))


def written(place: Path, name: str, **content: object) -> Path:
    path = place / name
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A whole report of one case that held."""
    case = {"id": "unit/m::a[1]", "verdict": "holds", "seconds": 1.5}
    content = {"cases": [case]}
    return written(tmp_path, "gate.json", **content, footer={"digest": digest_of(content)})


def test_a_matrix_of_every_case_gives_the_kills(report: Path, tmp_path: Path) -> None:
    """By function, beside the seconds."""
    matrix = written(
        tmp_path,
        "mutants.json",
        every_case=True,
        mutants=[{"id": MUTANT, "by": "unit/m::a[1]", "catchers": ["unit/m::a"]}],
    )

    measure_command(report, out=tmp_path / "power.json", mutants=matrix)

    content = json.loads((tmp_path / "power.json").read_text("utf-8"))
    assert (content["seconds"]["unit/m::a"], content["kills"]["unit/m::a"]) == (1.5, [MUTANT])


def test_a_matrix_of_first_catchers_is_refused(report: Path, tmp_path: Path) -> None:
    """It would say of most cases that they catch nothing."""
    matrix = written(tmp_path, "mutants.json", every_case=False, mutants=[])

    with pytest.raises(
        UsageError, match=r"--mutants: .*mutants.json' is not allowed; allowed: .* --every-case"
    ):
        measure_command(report, out=tmp_path / "power.json", mutants=matrix)
