from pathlib import Path
from typing import Any

import pytest
from signoff_runs import Ended, signed, smoke_report, write_report


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
