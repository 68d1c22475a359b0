"""The script for continuous integration, run as a pipeline runs it: against the reference, and against a liar."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_reports import made_document

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs/ci/gate.sh"
GATE = Path(sys.executable).parent / "arqonbus-gate"
PROFILE = ROOT / "conformance/arqonbus_conformance/profiles/embedded-reference.toml"
SECONDS = 300.0
"""How long the script may take on a busy machine."""
ONE_CASE = ("--requirement", "CMD-004", "--jobs", "1")
TWO_REQUIREMENTS = ("--requirement", "CMD-004", "--requirement", "CMD-006", "--jobs", "1")


def gate_sh(place: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What became of the script, called in a folder; no variable of the caller's own is taken along."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATE")}
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *words],
        cwd=place,
        env={**environ, "GATE": str(GATE), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def keys(place: Path) -> dict[str, str]:
    """A new pair of keys, as the script takes them: the private one as text."""
    subprocess.run(
        [str(GATE), "keygen", "--out", "k"], cwd=place, check=True, capture_output=True, timeout=SECONDS
    )
    secret = (place / "k").read_text("utf-8")
    (place / "k").unlink()
    return {"GATE_SIGNING_KEY": secret, "GATE_PUBLIC_KEY_FILE": "k.pub"}


def kept(place: Path) -> set[str]:
    """The names in the folder of reports."""
    return {path.name for path in (place / "reports").iterdir()}


def test_a_pass_ends_with_0_and_keeps_everything(tmp_path: Path) -> None:
    """Without a key nothing is signed, and that is said."""
    ended = gate_sh(tmp_path, "release", *ONE_CASE)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "passed, and not signed: there is no key" in ended.stdout
    assert kept(tmp_path) == {"gate.json", "gate.xml", "gate.html", "gate.sarif"}


def test_a_violation_ends_with_1_keeps_everything_and_signs_nothing(tmp_path: Path) -> None:
    """Not even what an earlier run has left is taken for a sign-off of this one."""
    mutant = PROFILE.read_text("utf-8").replace(
        "-m arqonbus_reference", "-m arqonbus_fixtures.mutants ping-without-timestamp"
    )
    (tmp_path / "mutant.toml").write_text(mutant, "utf-8")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/sign-off.json").write_text("{}", "utf-8")

    ended = gate_sh(tmp_path, "release", "--target", "mutant.toml", *ONE_CASE, **keys(tmp_path))

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert kept(tmp_path) == {"gate.json", "gate.xml", "gate.html", "gate.sarif", "incidents-gate"}


def test_parts_are_judged_apart_and_merged(tmp_path: Path) -> None:
    """The whole passes; of a selection nothing is signed, and the code says so."""
    parts = [gate_sh(tmp_path, "shard", f"{n}/2", *TWO_REQUIREMENTS, GATE_SEED="17") for n in (1, 2)]

    merged = gate_sh(tmp_path, "merge")
    signed = gate_sh(tmp_path, "sign", **keys(tmp_path))

    whole = json.loads((tmp_path / "reports/gate.json").read_text("utf-8"))
    assert [one.returncode for one in parts] == [0, 0]
    assert merged.returncode == 0, merged.stdout + merged.stderr
    assert {line["id"]: line["verdict"] for line in whole["requirements"]} == {
        "CMD-004": "holds",
        "CMD-006": "holds",
    }
    assert signed.returncode == 17
    assert {"gate.json", "gate.xml", "gate.html", "gate.sarif"} <= kept(tmp_path)
    assert "sign-off.json" not in kept(tmp_path)


def test_a_whole_pass_is_signed_and_verified(tmp_path: Path) -> None:
    """With the key from a variable, of which nothing remains."""
    (tmp_path / "reports").mkdir()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    (tmp_path / "reports/gate.json").write_text(json.dumps(made_document(started_at=began)), "utf-8")
    given = keys(tmp_path)

    ended = gate_sh(tmp_path, "sign", TMPDIR=str(tmp_path), **given)

    secret = given["GATE_SIGNING_KEY"].splitlines()[1]
    assert ended.returncode == 0, ended.stderr
    assert "verified: staging, PASSED" in ended.stdout
    assert kept(tmp_path) == {"gate.json", "sign-off.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"k.pub", "reports"}
    assert secret not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        ((), {}, "no command; allowed: install,"),
        (("deploy",), {}, "deploy is no command; allowed: install,"),
        (("install",), {}, "GATE_SOURCE is not set"),
        (("shard",), {"GATE_SEED": "1"}, "nothing is no part; needed: one such as 1/4"),
        (("shard", "1/4"), {}, "GATE_SEED is not set"),
        (("sign",), {}, "neither GATE_SIGNING_KEY nor GATE_SIGNING_KEY_FILE is set"),
        (("sign",), {"GATE_SIGNING_KEY": "k"}, "GATE_PUBLIC_KEY_FILE is not set"),
    ],
)
def test_what_the_script_is_not_told_ends_with_64(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], says: str
) -> None:
    """And what is needed."""
    ended = gate_sh(tmp_path, *words, **variables)

    assert ended.returncode == 64
    assert f"gate.sh: {says}" in ended.stderr
