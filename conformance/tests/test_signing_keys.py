import stat
from pathlib import Path

import pytest
from arqonbus_conformance.signoff.keys import (
    KeyFileError,
    new_pair,
    public_path,
    read_private,
    read_public,
    write_pair,
)
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def test_only_its_owner_may_read_a_private_key(tmp_path: Path) -> None:
    """From its first moment on; the public one is for everybody."""
    path = tmp_path / "k"

    write_pair(path, new_pair())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert public_path(path).read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_the_two_files_of_a_pair_belong_together(tmp_path: Path) -> None:
    """They have the same key id, which another pair has not."""
    for name in ("k", "other"):
        write_pair(tmp_path / name, new_pair())

    keyid = read_private(tmp_path / "k").public_key.keyid

    assert keyid == read_public(tmp_path / "k.pub").keyid
    assert keyid != read_public(tmp_path / "other.pub").keyid


@pytest.mark.parametrize("there", ["k", "k.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, there: str) -> None:
    """Neither of the two, and nothing is left of the pair that was refused."""
    (tmp_path / there).write_text("precious")

    with pytest.raises(KeyFileError, match="never overwritten"):
        write_pair(tmp_path / "k", new_pair())

    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {there: "precious"}


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    """Somebody else may not choose where a private key is written."""
    (tmp_path / "k").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(KeyFileError):
        write_pair(tmp_path / "k", new_pair())

    assert not (tmp_path / "elsewhere").exists()


def test_a_key_with_a_passphrase_needs_that_one(tmp_path: Path) -> None:
    """Without it, or with another, it cannot be used; one without a passphrase takes none."""
    write_pair(tmp_path / "k", new_pair(b"open sesame"))
    write_pair(tmp_path / "plain", new_pair())

    signer = read_private(tmp_path / "k", b"open sesame")

    assert signer.public_key.keyid == read_public(tmp_path / "k.pub").keyid
    assert "ENCRYPTED" in (tmp_path / "k").read_text()
    with pytest.raises(KeyFileError, match="encrypted: name its passphrase"):
        read_private(tmp_path / "k")
    with pytest.raises(KeyFileError, match="passphrase"):
        read_private(tmp_path / "k", b"open barley")
    with pytest.raises(KeyFileError, match="not encrypted"):
        read_private(tmp_path / "plain", b"open sesame")


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    """A key of another sort, the other key of the pair, nonsense, a file that is not there."""
    other = generate_private_key(SECP256R1())
    (tmp_path / "ec").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    write_pair(tmp_path / "k", new_pair())
    (tmp_path / "long").write_bytes(b"x" * 70_000)

    for name in ("ec", "k.pub", "long", "none"):
        with pytest.raises(KeyFileError):
            read_private(tmp_path / name)
    for name in ("ec.pub", "k", "long", "none"):
        with pytest.raises(KeyFileError):
            read_public(tmp_path / name)
