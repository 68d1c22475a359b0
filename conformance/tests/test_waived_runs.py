"""Waivers in real runs: a known-bad deployment, judged with a file of waivers each time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.report.reading import read_report

VIOLATED = "HTTP-001"
"""What the mutant violates: its health does not say its version."""
HOLDS = "HTTP-002"
SECURITY = "HTTP-013"
PROFILE = """
name = "mutant"

[launch]
command = "{python} -m arqonbus_fixtures.mutants health-without-version serve"

[launch.environment]
ARQONBUS_ENVIRONMENT = "dev"
"""
TODAY = datetime.now(UTC).date()
REASON = "the probe of the load balancer breaks otherwise"


class Run(NamedTuple):
    """One finished run: its exit code, its report, and the folder of its artefacts."""

    code: int
    report: dict[str, Any]
    folder: Path

    @property
    def status(self) -> list[tuple[str, str]]:
        return [(one["requirement"], one["status"]) for one in self.report["waivers"]]


def judged(folder: Path, waivers: str | None) -> Run:
    """The mutant, judged by a violated and a held requirement, with these waivers."""
    (folder / "profile.toml").write_text(PROFILE, "utf-8")
    options = []
    if waivers is not None:
        (folder / "waivers.toml").write_text(waivers, "utf-8")
        options = ["--waivers", str(folder / "waivers.toml")]
    artefacts = [
        word
        for name in ("json", "junit", "html", "sarif", "badge")
        for word in (f"--{name}", str(folder / f"gate.{name}"))
    ]
    chosen = ["--requirement", VIOLATED, "--requirement", HOLDS, "--scope", "endpoint", "--attempts", "1"]
    with pytest.raises(SystemExit) as ended:
        main(
            [
                *("run", "--target", str(folder / "profile.toml"), "--jobs", "1", "--no-incidents"),
                *chosen,
                *options,
                *artefacts,
            ]
        )
    assert isinstance(ended.value.code, int)
    return Run(ended.value.code, read_report(folder / "gate.json"), folder)


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of the one failure, from the report of a run without waivers."""
    run = judged(tmp_path_factory.mktemp("without"), None)
    assert run.code == 1
    (found,) = (failure["signature"] for failure in run.report["failures"])
    return str(found)


def waiver(requirement: str, signature: str, days: int = 30) -> str:
    """A waiver that ends in so many days."""
    return (
        f'[[waiver]]\nrequirement = "{requirement}"\nowner = "ann@example.com"\nreason = "{REASON}"\n'
        f'issue = "OPS-17"\nexpires = {TODAY + timedelta(days=days)}\nsignature = {json.dumps(signature)}\n'
    )


def expired(signature: str) -> str:
    return waiver(VIOLATED, signature, days=-1)


def stale(signature: str) -> str:
    case = "unit/test_http_routes::test_ready_says_ready"
    return waiver(VIOLATED, signature) + waiver(HOLDS, f"{case}: it was not ready")


def unmatched(signature: str) -> str:
    return waiver(VIOLATED, signature) + waiver("HTTP-099", signature)


def forbidden(signature: str) -> str:
    return waiver(VIOLATED, signature) + waiver(SECURITY, signature)


@pytest.mark.parametrize(
    ("waivers", "status"),
    [
        (expired, [(VIOLATED, "expired")]),
        (stale, [(VIOLATED, "applied"), (HOLDS, "stale")]),
        (unmatched, [(VIOLATED, "applied"), ("HTTP-099", "unmatched")]),
        (forbidden, [(VIOLATED, "applied"), (SECURITY, "forbidden")]),
    ],
)
def test_a_waiver_that_is_not_what_it_may_be_ends_with_3(
    tmp_path: Path, signature: str, waivers: Callable[[str], str], status: list[tuple[str, str]]
) -> None:
    """Expired yesterday, of a case that passes, of nothing that there is, of a MUST of security."""
    run = judged(tmp_path, waivers(signature))

    assert run.code == 3
    assert run.report["verdict"] == "waiver_fault"
    assert run.status == status
    assert "waiver fault" in (run.folder / "gate.badge").read_text("utf-8")


def test_a_waiver_of_another_failure_excuses_nothing(tmp_path: Path, signature: str) -> None:
    """The same case may fail in another way tomorrow, and nobody has allowed that."""
    run = judged(tmp_path, waiver(VIOLATED, f"{signature.partition(': ')[0]}: it is purple"))

    assert run.code == 1
    assert run.status == [(VIOLATED, "unmatched")]


def test_a_fresh_waiver_lets_the_run_pass_and_is_on_every_report(
    tmp_path: Path, signature: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who allowed it, why, and until when; the verdict stays violated."""
    run = judged(tmp_path, waiver(VIOLATED, signature))
    said = capsys.readouterr().out
    artefacts = {name: (tmp_path / f"gate.{name}").read_text("utf-8") for name in ("html", "badge", "sarif")}
    junit = ET.parse(tmp_path / "gate.junit").getroot()  # noqa: S314 - written by ourselves

    assert run.code == 0
    assert run.status == [(VIOLATED, "applied")]
    verdicts = {line["id"]: (line["verdict"], line["waived"]) for line in run.report["requirements"]}
    assert verdicts[VIOLATED] == ("violated", True)
    assert f"waiver applied {VIOLATED}" in said
    assert REASON in said
    assert "violated (waived)" in said
    assert REASON in artefacts["html"]
    assert "w-applied" in artefacts["html"]
    assert "1 waived" in artefacts["badge"]
    (result,) = json.loads(artefacts["sarif"])["runs"][0]["results"]
    (suppression,) = result["suppressions"]
    assert suppression["kind"] == "external"
    end = TODAY + timedelta(days=30)
    assert suppression["justification"] == f"{REASON} (ann@example.com, OPS-17, waived until {end})"
    (told,) = junit.findall(".//property[@name='waiver']")
    assert REASON in told.attrib["value"]
    assert [one.attrib["message"].partition(":")[0] for one in junit.iter("skipped")] == ["violated (waived)"]
