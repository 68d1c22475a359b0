import stat
from pathlib import Path

import pytest
from signoff_runs import Ended, signed, write_report


def test_keys_a_report_a_signature_and_a_verification_end_with_0(gate: Ended) -> None:
    """The whole way, with its report; the private key is its owner's alone."""
    signed(gate)

    code, said = gate("verify", "a.json", "--key", "k.pub", "--report", "report.json", "--target", "staging")

    assert code == 0
    assert "verified: staging, PASSED, level standard" in said
    assert stat.S_IMODE(Path("k").stat().st_mode) == 0o600


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
