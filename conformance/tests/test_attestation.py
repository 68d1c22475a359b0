import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from arqonbus_conformance.report.model import CaseLine, Fingerprint
from arqonbus_conformance.signoff.attestation import envelope_in, opened, sealed
from arqonbus_conformance.signoff.keys import new_pair, read_private, read_public, write_pair
from arqonbus_conformance.signoff.refusals import Refusal, Refused
from arqonbus_conformance.signoff.statement import (
    JudgedTarget,
    Statement,
    canonical,
    statement_of,
    subject_of,
)
from hypothesis import example, given
from hypothesis import strategies as st
from made_reports import made_document, made_report
from securesystemslib.signer import CryptoSigner

SIGNER = CryptoSigner.generate_ed25519()
KEY = SIGNER.public_key
SMALL = made_report(cases=(), requirements=())
FILE = sealed(statement_of(SMALL), SIGNER)


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(Refused) as refused:
        opened(data, KEY)
    (problem,) = refused.value.problems
    return problem.kind


def test_a_sign_off_gives_back_what_was_signed() -> None:
    """To whoever has the public key."""
    statement = statement_of(made_report())

    assert opened(sealed(statement, SIGNER), KEY) == statement


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
@example(FILE.index(b'"payload":"') + 12, 1)
@example(FILE.index(b'"sig":"') + 8, 0x20)
@example(len(FILE) - 1, ord("\n") ^ ord(" "))
def test_any_changed_byte_is_refused(place: int, flip: int) -> None:
    """In the payload, the signature, the key id, the punctuation, the space around it."""
    changed = bytearray(FILE)

    changed[place] ^= flip

    assert refusal_of(bytes(changed)) in {Refusal.EDITED, Refusal.KEY}


@pytest.mark.parametrize("bit", [1, 2, 4, 8, 16, 32, 64, 128])
def test_any_flipped_bit_of_the_signature_is_refused(bit: int) -> None:
    """At each place of it, its base64 padding with the bits that mean nothing too."""
    start = FILE.index(b'"sig":"') + 7
    kinds = set()

    for place in range(start, FILE.index(b'"', start)):
        kinds.add(refusal_of(FILE[:place] + bytes([FILE[place] ^ bit]) + FILE[place + 1 :]))

    assert kinds == {Refusal.EDITED}


@given(st.integers(0, len(FILE) - 1))
def test_a_part_of_a_sign_off_is_refused(length: int) -> None:
    """Wherever it is cut."""
    assert refusal_of(FILE[:length]) is Refusal.EDITED


@pytest.mark.parametrize(
    "change",
    [
        lambda file: {**file, "more": 1},
        lambda file: {**file, "signatures": []},
        lambda file: {**file, "signatures": file["signatures"] * 2},
        lambda file: {**file, "payloadType": "text/plain"},
        lambda file: {**file, "payload": file["payload"] + "===="},
        lambda file: {**file, "payload": base64.b64encode(b"{}").decode()},
    ],
)
def test_another_envelope_is_refused(change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Though it is written as canonically as the true one."""
    changed = json.dumps(change(json.loads(FILE)), sort_keys=True, separators=(",", ":")).encode() + b"\n"

    assert refusal_of(changed) is Refusal.EDITED


def test_another_key_is_said_to_be_another() -> None:
    """Not that something was edited."""
    other = CryptoSigner.generate_ed25519()

    assert refusal_of(sealed(statement_of(SMALL), other)) is Refusal.KEY


def test_a_signature_under_a_borrowed_key_id_is_refused() -> None:
    """The id only says which key to try."""
    file = json.loads(sealed(statement_of(SMALL), CryptoSigner.generate_ed25519()))

    file["signatures"][0]["keyid"] = KEY.keyid

    assert refusal_of(canonical(file) + b"\n") is Refusal.EDITED


def test_what_is_signed_by_the_right_key_must_still_be_a_statement_of_this_gate() -> None:
    """A statement with a field that this gate does not know may mean something else."""
    statement = json.loads(canonical(statement_of(SMALL)))
    statement["predicate"]["arqonbus_gate"]["format"] = "2.0"

    foreign = sealed(statement, SIGNER)

    assert refusal_of(foreign) is Refusal.EDITED


def test_a_statement_is_an_in_toto_test_result() -> None:
    """With the words of that predicate; a failing run names its failures there."""
    statement = json.loads(canonical(statement_of(made_report(failing=True))))

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["predicate"]["result"] == "FAILED"
    assert len(statement["predicate"]["failedTests"]) == 4
    assert statement["predicate"]["configuration"][0]["name"] == "arqonbus requirement set 1.0"
    assert statement["subject"][0]["name"] == "staging"


def test_a_statement_binds_its_report() -> None:
    """By the digest in its footer."""
    digest = statement_of(made_report()).predicate.arqonbus_gate.report_digest

    assert digest == made_document()["footer"]["digest"]


def test_a_waived_violation_is_a_warning() -> None:
    """And one of a SHOULD as well; the rest of the statement says PASSED otherwise."""
    cases = [
        CaseLine("unit/a::b", "unit", ("ROUTE-001",), "violated", 0.1, waived=True),
        CaseLine("unit/a::c", "unit", ("CONF-025",), "violated", 0.1),
    ]

    predicate = statement_of(made_report(cases=tuple(cases))).predicate

    assert (predicate.result, predicate.warned) == ("WARNED", ("unit/a::b", "unit/a::c"))
    assert statement_of(made_report()).predicate.result == "PASSED"


def test_a_package_is_a_subject_of_its_own() -> None:
    """So that a deploy pipeline finds it by the digest that it already has."""
    subjects = subject_of(JudgedTarget("bus", Fingerprint(package_digest="ab" * 32), {}))

    assert [one.name for one in subjects] == ["bus", "package"]
    assert subjects[1].digest == {"sha256": "ab" * 32}


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("there is no openssl here")
    said = subprocess.run([found, "pkeyutl", "-help"], capture_output=True, text=True, check=False)
    if "-rawin" not in said.stdout + said.stderr:
        pytest.skip("this openssl knows no -rawin")
    return found


def openssl_verifies(openssl: str, folder: Path, pae: bytes) -> bool:
    (folder / "pae").write_bytes(pae)
    command = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "k.pub", "-in", "pae", "-sigfile", "sig"]
    return subprocess.run([openssl, *command], cwd=folder, capture_output=True, check=False).returncode == 0


def test_openssl_verifies_the_raw_signature(openssl: str, tmp_path: Path) -> None:
    """Over the pre-authentication encoding of DSSE, and over nothing else."""
    write_pair(tmp_path / "k", new_pair())
    statement: Statement = statement_of(made_report())
    data = sealed(statement, read_private(tmp_path / "k"))
    file = json.loads(data)
    payload = base64.b64decode(file["payload"])

    (tmp_path / "sig").write_bytes(base64.b64decode(file["signatures"][0]["sig"]))
    pae = b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload

    assert pae == envelope_in(data).pae()
    assert openssl_verifies(openssl, tmp_path, pae)
    assert not openssl_verifies(openssl, tmp_path, pae.replace(b"PASSED", b"FAILED"))
    assert opened(data, read_public(tmp_path / "k.pub")) == statement
