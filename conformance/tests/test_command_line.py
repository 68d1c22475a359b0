from pathlib import Path

import pytest
from arqonbus_conformance import __main__ as command_line


def ended(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        command_line.main(arguments)
    said = capfd.readouterr()
    return int(ending.value.code or 0), said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--suite", "moon"), "--suite: 'moon' is not allowed; allowed: unit"),
        (("run", "--http", "http://x"), "--http and --telemetry need --url"),
        (("run", "--target", "x.toml", "--url", "ws://x"), "--target cannot be combined"),
        (("run", "--scope", "moon"), "moon"),
        (("run", "--jobs", "0"), "jobs"),
        (("run", "--no-such-option"), "no-such-option"),
        (("explain", "ROUTE-999"), "ROUTE-001"),
        (("explain", "moon"), "CONF, PKG"),
        (("explain", "SHLD-001", "--requirements", "0.9"), "of requirement set 1.0: add --requirements 1.0"),
        (
            ("explain", "ROUTE-001", "--requirements", "7.0"),
            "--requirements: '7.0' is not allowed; allowed: 0.9, 1.0",
        ),
        (("list", "--requirements", "../0.9"), "--requirements: '../0.9' is not allowed; allowed: 0.9, 1.0"),
        (("mutants", "--requirements", "7.0"), "--requirements: '7.0' is not allowed; allowed: 0.9, 1.0"),
        (("mutants", "--only", "moon"), "'moon' is no mutant of requirement set 1.0"),
        (("run", "--requirements", "7.0"), "--requirements: '7.0' is not allowed; allowed: 0.9, 1.0"),
        (
            ("run", "--requirement", "SHLD-001", "--requirements", "0.9"),
            "no part of requirement set 0.9; allowed: with --requirements 1.0",
        ),
        (("moon",), "moon"),
        (("run", "-k", "a and", "--jobs", "2"), "-k"),
        (("run", "--json", "/proc/moon/gate.json"), "--json: '/proc/moon/gate.json' cannot be written"),
        (("run", "--junit", "/"), "--junit: '/' is not allowed"),
    ],
)
def test_a_wrong_command_line_ends_with_64(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    """One line that names the option, the value and what is allowed; no traceback."""
    code, _, complaint = ended(capfd, *arguments)

    assert code == 64
    assert says in complaint
    assert "Traceback" not in complaint


def test_a_profile_that_is_none_ends_with_78(capfd: pytest.CaptureFixture[str]) -> None:
    """One line per problem."""
    code, _, complaint = ended(capfd, "run", "--target", "missing.toml")

    assert code == 78
    assert "missing.toml cannot be read" in complaint


def test_a_file_of_waivers_that_is_none_ends_with_78(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The one in the current folder too, without being named; before any case, one line per problem."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waivers.toml").write_text('[[waiver]]\nrequirement = "ROUTE-001"\nmoon = 1\n')

    code, said, complaint = ended(capfd, "run", "--url", "ws://127.0.0.1:1")

    assert code == 78
    assert "waivers.toml: waiver[1].owner: it is missing" in complaint
    assert "waivers.toml: waiver[1].moon: there is no such field" in complaint
    assert said == ""


def test_a_crash_of_the_gate_accuses_itself(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4 with a traceback: 1 would say that the deployment violates something."""
    monkeypatch.setattr(command_line.requirements, "requirement_set", lambda: 1 / 0)

    code, _, complaint = ended(capfd, "version")

    assert code == 4
    assert "ZeroDivisionError" in complaint


def test_the_version_names_the_requirement_set(capfd: pytest.CaptureFixture[str]) -> None:
    """And how many requirements it has."""
    code, said, _ = ended(capfd, "version")

    assert code == 0
    assert "requirement set 1.0 (2" in said


def test_a_set_that_is_named_is_explained_and_listed(capfd: pytest.CaptureFixture[str]) -> None:
    """Also an older one; the command to run names the set again."""
    explained = ended(capfd, "explain", "route-001", "--requirements", "0.9")
    listed = ended(capfd, "list", "--requirements", "0.9", "--area", "ROUTE")

    assert (explained[0], listed[0]) == (0, 0)
    assert "arqonbus-gate run -k ROUTE-001 --requirements 0.9" in explained[1]
    assert "requirement set 0.9 (frozen)" in listed[1]


def test_a_draft_that_is_named_is_explained_and_listed(
    capfd: pytest.CaptureFixture[str], before_the_freeze: str
) -> None:
    """The list says that it is one; the command to run names it again."""
    explained = ended(capfd, "explain", "shld-001", "--requirements", before_the_freeze)
    listed = ended(capfd, "list", "--requirements", before_the_freeze, "--area", "SHLD")

    assert (explained[0], listed[0]) == (0, 0)
    assert f"arqonbus-gate run -k SHLD-001 --requirements {before_the_freeze}" in explained[1]
    assert f"requirement set {before_the_freeze} (a draft)" in listed[1]
