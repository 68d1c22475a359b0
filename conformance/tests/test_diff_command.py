import json
from pathlib import Path

import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.report.json_report import write_json
from made_reports import made_report


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    write_json(made_report(), good)
    write_json(made_report(failing=True), bad)
    return good, bad


def exit_of(*arguments: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["diff", *map(str, arguments)])
    return ended.value.code


def test_the_command_ends_with_what_it_found(written: tuple[Path, Path], tmp_path: Path) -> None:
    """0 without a regression, 1 with one; page and JSON are written either way."""
    good, bad = written

    better = exit_of(bad, good, "--html", tmp_path / "a.html", "--json", tmp_path / "a.json")
    worse = exit_of(good, bad)

    assert (better, worse) == (0, 1)
    assert (tmp_path / "a.html").read_text("utf-8").startswith("<!doctype html>")
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["regression"] is False


def test_a_cut_report_is_compared_with_nothing(
    written: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """On either side: exit 64 and the reason."""
    good, bad = written
    bad.write_bytes(bad.read_bytes()[:-300])

    codes = (exit_of(good, bad), exit_of(bad, good))

    assert codes == (64, 64)
    assert capsys.readouterr().err.count("is truncated") == 2


def test_a_report_is_never_written_over(written: tuple[Path, Path]) -> None:
    """Neither side of the comparison."""
    good, bad = written

    codes = [exit_of(good, bad, option, path) for option in ("--html", "--json") for path in written]

    assert codes == [64] * 4
