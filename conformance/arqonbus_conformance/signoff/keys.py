"""Keys of sign-offs: ed25519, in PEM (PKCS #8 and SubjectPublicKeyInfo), private ones readable by their owner only."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

__all__ = [
    "KeyFileError",
    "KeyPair",
    "new_pair",
    "public_path",
    "read_private",
    "read_public",
    "write_pair",
]

KEY_BYTES: Final = 65_536
"""The largest key file that is read."""
PRIVATE_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644


class KeyFileError(Exception):
    """A key cannot be used or written; the text names the file and what is allowed."""


class KeyPair(NamedTuple):
    """A private key and the public one that belongs to it, both as PEM."""

    private: bytes
    public: bytes


def new_pair(passphrase: bytes | None = None) -> KeyPair:
    """A fresh pair; the private key is encrypted where there is a passphrase."""
    key = Ed25519PrivateKey.generate()
    encryption: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    return KeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def public_path(path: Path) -> Path:
    """Where the public key lies that belongs to the private one at ``path``."""
    return path.with_name(f"{path.name}.pub")


def write_pair(path: Path, pair: KeyPair) -> None:
    """Write the private key to ``path`` and the public one beside it; neither may exist.

    Raises:
        KeyFileError: a file exists or cannot be written; then neither is left behind.
    """
    made: list[Path] = []
    wanted = (
        (path, pair.private, PRIVATE_MODE),
        (public_path(path), pair.public, PUBLIC_MODE),
    )
    try:
        for where, content, mode in wanted:
            # The mode is that of the file from its first moment on, and O_EXCL never follows a link.
            descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            made.append(where)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
    except OSError as fault:
        for where in made:
            where.unlink()
        problem = "it exists, and a key is never overwritten" if isinstance(fault, FileExistsError) else fault
        raise KeyFileError(f"{fault.filename or path}: {problem}") from fault


def read_private(path: Path, passphrase: bytes | None = None) -> CryptoSigner:
    """What signs with the private key in this file.

    Raises:
        KeyFileError: the file cannot be read, is no ed25519 key in PEM, or the passphrase is missing or wrong.
    """
    try:
        key = load_pem_private_key(_read(path), passphrase)
    except TypeError as fault:
        state = (
            "encrypted: name its passphrase" if passphrase is None else "not encrypted: name no passphrase"
        )
        raise KeyFileError(f"{path}: the private key is {state} (--passphrase-env)") from fault
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise KeyFileError(
            f"{path}: it is no private key that can be read; allowed: ed25519 in PEM (PKCS #8), with its passphrase"
        ) from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: the private key is of another sort; allowed: ed25519")
    return CryptoSigner(key)


def read_public(path: Path) -> SSlibKey:
    """The public key in this file.

    Raises:
        KeyFileError: the file cannot be read or is no public ed25519 key in PEM.
    """
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise KeyFileError(f"{path}: it is no public key; allowed: ed25519 in PEM") from fault
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: the public key is of another sort; allowed: ed25519")
    made: SSlibKey = SSlibKey.from_crypto(key)
    return made


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(KEY_BYTES + 1)
    except OSError as fault:
        raise KeyFileError(f"{path}: it cannot be read: {fault.strerror}") from fault
    if len(data) > KEY_BYTES:
        raise KeyFileError(f"{path}: it is larger than {KEY_BYTES} bytes, the largest key allowed")
    return data
