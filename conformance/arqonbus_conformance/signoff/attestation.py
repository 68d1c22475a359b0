"""A sign-off as a file: a DSSE envelope with one ed25519 signature over a statement, in its one canonical form. Pure."""

import base64
import binascii
from typing import Final, Literal

import msgspec
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from arqonbus_conformance.signoff.refusals import Problem, Refusal, Refused
from arqonbus_conformance.signoff.statement import Statement, canonical

__all__ = ["PAYLOAD_TYPE", "envelope_in", "opened", "sealed"]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: tuple[_Signature]


def sealed(statement: Statement, signer: CryptoSigner) -> bytes:
    """The file of a sign-off: one line of JSON."""
    envelope = Envelope(canonical(statement), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return canonical(envelope.to_dict()) + b"\n"


def envelope_in(data: bytes) -> Envelope:
    """The envelope in a file of a sign-off; its signature is not looked at.

    Raises:
        Refused: it is not, to the byte, what ``sealed`` makes.
    """
    try:
        file = msgspec.json.decode(data, type=_File)
        payload = base64.b64decode(file.payload, validate=True)
        signature = base64.b64decode(file.signatures[0].sig, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as fault:
        raise _edited(f"it is no sign-off: {fault}") from fault
    keyid = file.signatures[0].keyid
    envelope = Envelope(payload, file.payload_type, {keyid: Signature(keyid, signature.hex())})
    if canonical(envelope.to_dict()) + b"\n" != data:
        raise _edited("it is not written as sign-offs are: it was changed, if only in a space")
    return envelope


def opened(data: bytes, key: SSlibKey) -> Statement:
    """The statement in a file of a sign-off, once its signature is found to be by this key.

    Raises:
        Refused: it was edited, is signed by another key, or holds no statement of this form.
    """
    envelope = envelope_in(data)
    (keyid,) = envelope.signatures
    if keyid != key.keyid:
        sentence = f"it is signed with the key {keyid[:16]}, and the key to verify with is {key.keyid[:16]}"
        raise Refused([Problem(Refusal.KEY, sentence)])
    try:
        envelope.verify([key], 1)
    except VerificationError as fault:
        raise _edited(
            "its signature is not that of its content: it was edited after it was signed"
        ) from fault
    try:
        statement = msgspec.json.decode(envelope.payload, type=Statement)
    except msgspec.DecodeError as fault:
        raise _edited(f"what is signed is no test result of this gate: {fault}") from fault
    if canonical(statement) != envelope.payload:
        raise _edited("what is signed is not written as statements of this gate are")
    return statement


def _edited(sentence: str) -> Refused:
    return Refused([Problem(Refusal.EDITED, sentence)])
