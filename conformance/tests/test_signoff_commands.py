import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from arqonbus_conformance import __main__ as command_line
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.mutation.matrix import Kill, Matrix, Outcome
from arqonbus_conformance.report.model import RequirementSetLine, Selection
from arqonbus_conformance.requirements import requirement_set
from made_reports import made_document

Ended = Callable[..., tuple[int, str]]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ended:
    """Runs a command in a folder of its own; gives the exit code and all that was said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ending:
            command_line.main(arguments)
        said = capfd.readouterr()
        return int(ending.value.code or 0), said.out + said.err

    assert run("keygen", "--out", "k")[0] == 0
    return run


def kill_matrix(suite_version: str) -> dict[str, Any]:
    """Four hunted mutants, three of them killed."""
    outcomes = (Outcome.KILLED, Outcome.KILLED, Outcome.SURVIVED, Outcome.KILLED)
    kills = tuple(
        Kill(f"m-{number}", "ROUTE-001", "A story.", outcome, "", 1.0, {})
        for number, outcome in enumerate(outcomes)
    )
    return Matrix(
        "1.0", suite_version, requirement_set().digest, 4.0, complete=True, mutants=kills
    ).as_document()


def write_report(*, hours_ago: float = 0.0, **changes: Any) -> None:
    began = datetime.now(UTC) - timedelta(hours=hours_ago)
    document = made_document(started_at=began.isoformat(timespec="seconds"), **changes)
    Path("report.json").write_text(json.dumps(document))


def signed(gate: Ended, *options: str, **changes: Any) -> None:
    write_report(**changes)
    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json", *options)
    assert code == 0, said


def test_keys_a_report_a_signature_and_a_verification_end_with_0(gate: Ended) -> None:
    """The whole way, with its report; the private key is its owner's alone."""
    signed(gate)

    code, said = gate("verify", "a.json", "--key", "k.pub", "--report", "report.json", "--target", "staging")

    assert code == 0
    assert "verified: staging, PASSED, level standard" in said
    assert stat.S_IMODE(Path("k").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("bound", "options", "code", "says"),
    [
        (0.75, ("--mutants", "mutants.json"), 0, "verified"),
        (0.8, ("--mutants", "mutants.json"), 19, "its mutation score is 0.75; demanded: at least 0.8"),
        (0.1, (), 19, "it has no mutation score"),
    ],
)
def test_the_score_of_a_kill_matrix_reaches_the_policy(
    gate: Ended,
    bus_beside: Callable[[], str],
    *,
    bound: float,
    options: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    """From the file of the hunt over the report of a run and the sign-off to the bound."""
    Path("mutants.json").write_text(json.dumps(kill_matrix(version("arqonbus-conformance"))))
    Path("policy.toml").write_text(f"mutation_score = {bound}\n")

    run = gate("run", "--url", bus_beside(), "-k", "no_such_case", "--no-incidents", *options)
    judged = json.loads(Path("reports/gate.json").read_text("utf-8"))["mutation"]
    signed(gate, mutation=None if judged is None else MutationScore(**judged))
    ended, said = gate("verify", "a.json", "--key", "k.pub", "--policy", "policy.toml")

    assert run[0] == 2
    assert ended == code
    assert says in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lambda: json.dumps(kill_matrix("9.9")), "made with suite version 9.9"),
        (lambda: json.dumps(kill_matrix("9.9"))[:-9], "it is no kill matrix"),
    ],
)
def test_a_kill_matrix_that_says_nothing_of_this_suite_is_refused(
    gate: Ended, text: Callable[[], str], says: str
) -> None:
    """Before any case."""
    Path("mutants.json").write_text(text())

    code, said = gate("run", "--mutants", "mutants.json")

    assert code == 64
    assert "--mutants: 'mutants.json' is not allowed" in said
    assert says in said


@pytest.mark.parametrize(
    ("demanded", "code", "says"),
    [
        ('version = "2.4.1"\ntls_key_sha256 = "' + "ab" * 32 + '"', 0, "verified: staging"),
        (
            'version = "2.5.0"',
            12,
            "the version of its target is '2.4.1', and the policy demands '2.5.0' (target.version)",
        ),
        ('tls_key_sha256 = "' + "cd" * 32 + '"', 12, "the TLS key SHA-256 of its target is 'abab"),
        ('package_digest = "' + "cd" * 32 + '"', 12, "the package digest of its target is not known"),
    ],
)
def test_a_policy_says_which_deployment_must_have_been_judged(
    gate: Ended, demanded: str, code: int, says: str
) -> None:
    """By what cannot be renamed: what it says it is, what was launched, the key it shows."""
    Path("policy.toml").write_text(f"[target]\n{demanded}\n")
    signed(gate)

    ended, said = gate("verify", "a.json", "--key", "k.pub", "--policy", "policy.toml")

    assert ended == code
    assert says in said


@pytest.mark.parametrize(
    ("changes", "options", "code", "says"),
    [
        ({}, ("--target", "prod"), 12, "and the one to release is 'prod'"),
        ({"hours_ago": 200}, (), 13, "hours ago"),
        ({}, ("--level", "full"), 14, "demanded: at least full"),
        ({"scope": "endpoint"}, ("--policy", "policy.toml"), 15, "demanded: at least deployment"),
    ],
)
def test_what_is_not_enough_has_an_exit_code_of_its_own(
    gate: Ended, changes: dict[str, Any], options: tuple[str, ...], code: int, says: str
) -> None:
    """And a sentence."""
    Path("policy.toml").write_text('scope = "deployment"\n')
    signed(gate, **changes)

    ended, said = gate("verify", "a.json", "--key", "k.pub", *options)

    assert ended == code
    assert says in said


def test_another_key_ends_with_10(gate: Ended) -> None:
    """Though the content is untouched."""
    signed(gate)
    gate("keygen", "--out", "other")

    code, said = gate("verify", "a.json", "--key", "other.pub")

    assert (code, "the key to verify with" in said) == (10, True)


def test_an_edited_sign_off_ends_with_11(gate: Ended) -> None:
    """As does another report beside it."""
    signed(gate)
    original = Path("a.json").read_bytes()
    write_report(seed=7)
    Path("edited.json").write_bytes(original.replace(b'"sig":"', b'"sig": "'))

    edited, other = (
        gate("verify", "edited.json", "--key", "k.pub"),
        gate("verify", "a.json", "--key", "k.pub", "--report", "report.json"),
    )

    assert (edited[0], other[0]) == (11, 11)
    assert "the report that was signed" in other[1]


def test_a_failed_run_is_signed_only_when_allowed_and_never_verified(gate: Ended) -> None:
    """It says FAILED then, and verification ends with 17."""
    write_report(failing=True, waivers=())

    refused = gate("sign", "report.json", "--key", "k", "--out", "a.json")
    allowed = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")
    verified = gate("verify", "a.json", "--key", "k.pub")

    assert (refused[0], allowed[0], verified[0]) == (17, 0, 17)
    assert "signed as FAILED" in allowed[1]


@pytest.mark.parametrize(
    "changes",
    [{"interrupted": True}, {"cases": (), "requirements": ()}, {"selection": Selection(complete=False)}],
)
def test_half_a_run_is_never_signed(gate: Ended, changes: dict[str, Any]) -> None:
    """Interrupted, empty or a selection: not even where failing is allowed."""
    write_report(**changes)

    code, _ = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")

    assert code == 17
    assert not Path("a.json").exists()


def test_a_truncated_or_edited_report_is_never_signed(gate: Ended) -> None:
    """It ends with 11 and leaves no sign-off."""
    write_report()
    text = Path("report.json").read_text()
    Path("half.json").write_text(text[: len(text) // 2])
    Path("edited.json").write_text(text.replace('"level": "standard"', '"level": "full"'))

    codes = [
        gate("sign", name, "--key", "k", "--out", "a.json", "--allow-failed")[0]
        for name in ("half.json", "edited.json")
    ]

    assert codes == [11, 11]
    assert not Path("a.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("keygen", "--out", "k"), 64, "never overwritten"),
        (("keygen", "--out", "new", "--passphrase-env", "NOWHERE"), 64, "NOWHERE is not set"),
        (("sign", "none.json", "--key", "k", "--out", "a.json"), 64, "none.json"),
        (("sign", "none.json", "--key", "k.pub", "--out", "a.json"), 64, "no private key"),
        (("verify", "none.json", "--key", "k.pub"), 64, "none.json"),
        (("verify", "k.pub", "--key", "k"), 64, "no public key"),
        (("verify", "k.pub", "--key", "k.pub"), 11, "no sign-off"),
        (
            ("verify", "k.pub", "--key", "k.pub", "--policy", "bad.toml"),
            78,
            "bad.toml: moon: there is no such",
        ),
    ],
)
def test_what_cannot_be_used_is_named(gate: Ended, arguments: tuple[str, ...], code: int, says: str) -> None:
    """Without a traceback."""
    Path("bad.toml").write_text("moon = 1\n")

    ended, said = gate(*arguments)

    assert ended == code
    assert says in said
    assert "Traceback" not in said


def test_a_key_with_a_passphrase_signs(gate: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    """The passphrase is named by its variable only, and is in no file."""
    monkeypatch.setenv("OPENING", "sesame-canary")
    gate("keygen", "--out", "locked", "--passphrase-env", "OPENING")
    write_report()

    arguments = ("sign", "report.json", "--key", "locked", "--out", "a.json")
    without, with_it = gate(*arguments), gate(*arguments, "--passphrase-env", "OPENING")

    assert (without[0], with_it[0]) == (64, 0)
    assert all(b"sesame-canary" not in one.read_bytes() for one in Path().iterdir())


def smoke_report(**changes: Any) -> dict[str, Any]:
    """What a run of level smoke reports: some of the requirements, all of which hold."""
    lines = made_document()["requirements"][:20]
    return {"level": "smoke", "selection": Selection(complete=False, **changes), "requirements": tuple(lines)}


def test_a_smoke_run_is_signed_as_one_and_enough_for_nothing_more(gate: Ended) -> None:
    """Whoever demands level standard, as everybody does who does not say otherwise, refuses it."""
    signed(gate, **smoke_report())
    Path("smoke.toml").write_text('level = "smoke"\n')

    standard, unsaid, smoke = (
        gate("verify", "a.json", "--key", "k.pub", *options)
        for options in (("--level", "standard"), (), ("--policy", "smoke.toml"))
    )

    assert standard[0] == unsaid[0] == 14
    assert "its run was of level smoke; demanded: at least standard" in standard[1]
    assert smoke[0] == 0, smoke[1]


@pytest.mark.parametrize(
    "changes", [{"keyword": "HTTP-001"}, {"phase": 1}, {"budget_seconds": 9.0}, {"shard": "1/2"}]
)
def test_a_part_of_a_smoke_run_is_never_signed(gate: Ended, changes: dict[str, Any]) -> None:
    """What was left out is not known to hold."""
    write_report(**smoke_report(**changes))

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json")

    assert code == 17
    assert "selection of cases" in said


def test_a_requirement_that_a_smoke_run_saw_violated_is_not_overlooked(gate: Ended) -> None:
    """Only those that it did not judge are left aside."""
    changes = smoke_report()
    first, *rest = changes["requirements"]
    write_report(**changes | {"requirements": (first | {"verdict": "unknown"}, *rest)})

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json")

    assert code == 17
    assert f"1 MUST requirements are unknown: {first['id']}" in said


@pytest.mark.usefixtures("before_the_freeze")
@pytest.mark.parametrize(("options", "drafts", "code"), [((), 0, 17), (("--requirements", "1.0"), 1, 17)])
def test_only_a_report_by_a_draft_says_so(
    gate: Ended, bus_beside: Callable[[], str], *, options: tuple[str, ...], drafts: int, code: int
) -> None:
    """And it is named among the reasons against its signature."""
    run = gate("run", "--url", bus_beside(), "-k", "no_such_case", "--no-incidents", *options)
    notes = json.loads(Path("reports/gate.json").read_text("utf-8"))["notes"]
    ended, said = gate("sign", "reports/gate.json", "--key", "k", "--out", "a.json")

    assert (run[0], ended) == (2, code)
    assert sum("is a draft" in note for note in notes) == drafts
    assert said.count("a draft that may still change") == drafts


def test_what_a_draft_judged_is_never_signed(gate: Ended, before_the_freeze: str) -> None:
    """Not even where failing is allowed; it ends with 21."""
    draft = requirement_set(before_the_freeze)
    write_report(requirement_set=RequirementSetLine(draft.revision, draft.digest))

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")

    assert code == 21
    assert "signing refused: it is judged by requirement set 1.0, a draft" in said
    assert not Path("a.json").exists()
