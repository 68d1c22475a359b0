"""The golden vectors say what docs/spec says; the reference is the second reader that agrees with them."""

import base64
import hmac
import re
from pathlib import Path
from typing import Any

import pytest
from arqonbus_fixtures.golden import filled, vector_names, vectors
from arqonbus_reference.access import Authenticator, RejectedError
from arqonbus_reference.envelope import InvalidEnvelopeError, parse
from arqonbus_reference.grammar import is_id, is_name, is_timestamp
from arqonbus_reference.settings import Settings, SettingsError

ID = "arq_1767323045678901234_1_0f9a3c"
PLACES = {"id": ID, "ulid": "arq_01ARZ3NDEKTSV4RRFFQ69G5FAV", "room": "r1", "channel": "c1", "tenant": "t1"}
NOW = 1_767_323_045
SECRET = "a secret of the tests, long enough for HS256"
REQUIREMENTS = Path(__file__).parents[2] / "conformance/arqonbus_conformance/requirements/1.0.toml"


def cases(name: str, *, accepted: bool | None = None) -> list[Any]:
    """The vectors of a corpus as parameters, all or the accepted or refused ones."""
    chosen = [one for one in vectors(name) if accepted is None or one["accepted"] is accepted]
    return [pytest.param(one, id=one["name"]) for one in chosen]


def signed(vector: dict[str, Any]) -> str:
    """The token that a vector describes."""
    parts = [filled(vector[part], now=NOW, **PLACES) for part in ("header", "claims")]
    text = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    digests = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512", "other-secret": "sha256"}
    kind = vector["signature"]
    if kind not in digests:
        return {"empty": text + ".", "stripped": text}[kind]
    secret = "another secret, quite as long as the first" if kind == "other-secret" else SECRET
    signature = hmac.digest(secret.encode(), text.encode(), digests[kind])
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_there_are_enough_vectors() -> None:
    """The corpora are as rich as the specification's table of rules."""
    counts = {name: len(vectors(name)) for name in vector_names()}

    assert sum(counts.values()) >= 120, counts
    assert min(counts.values()) >= 10, counts


@pytest.mark.parametrize("name", vector_names())
def test_each_vector_has_a_unique_name_a_reason_and_a_known_requirement(name: str) -> None:
    """A reader of a failure finds the vector and why it exists."""
    known = set(re.findall(r'^id = "(.+)"$', REQUIREMENTS.read_text("utf-8"), re.MULTILINE))

    corpus = vectors(name)

    assert len({one["name"] for one in corpus}) == len(corpus)
    assert all(one["why"].endswith(".") for one in corpus)
    assert {one["requirement"] for one in corpus if "requirement" in one} <= known


@pytest.mark.parametrize("vector", cases("envelopes_accepted"))
def test_an_accepted_envelope_is_parsed_and_its_payload_kept(vector: dict[str, Any]) -> None:
    """The payload is the client's bytes."""
    frame = filled(vector["frame"], **PLACES).encode()

    envelope = parse(frame)

    expected = vector["payload"]
    assert expected is None or bytes(envelope.payload) == filled(expected, **PLACES).encode()  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", cases("envelopes_rejected"))
def test_a_rejected_envelope_is_refused_by_name(vector: dict[str, Any]) -> None:
    """The refusal names the field and holds the id that could be read."""
    frame = filled(vector["frame"], **PLACES).encode()

    with pytest.raises(InvalidEnvelopeError) as refusal:
        parse(frame)

    expected = vector["request_id"] and filled(vector["request_id"], **PLACES)
    assert (vector["names"] or "") in refusal.value.text
    assert expected in ("*", refusal.value.request_id)


@pytest.mark.parametrize(
    ("corpus", "accepts"), [("names", is_name), ("ids", is_id), ("timestamps", is_timestamp)]
)
def test_a_grammar_accepts_and_refuses_what_its_vectors_say(corpus: str, accepts: Any) -> None:
    """Names, ids and timestamps, each with its traps."""
    expected = {one["name"]: one["accepted"] for one in vectors(corpus)}

    assert {one["name"]: accepts(one["value"]) for one in vectors(corpus)} == expected


@pytest.mark.parametrize("vector", cases("tokens", accepted=True))
def test_an_accepted_token_admits(vector: dict[str, Any]) -> None:
    """Its claims are who the client is."""
    authenticator = Authenticator(SECRET, clock=lambda: float(NOW))

    principal = authenticator.authenticate([f"Bearer {signed(vector)}"])

    assert principal.admin is (vector["name"] == "admin")


@pytest.mark.parametrize("vector", cases("tokens", accepted=False))
def test_a_refused_token_admits_nobody(vector: dict[str, Any]) -> None:
    """Whatever is wrong with it."""
    authenticator = Authenticator(SECRET, clock=lambda: float(NOW))

    with pytest.raises(RejectedError):
        authenticator.authenticate([f"Bearer {signed(vector)}"])


@pytest.mark.parametrize("vector", cases("configuration", accepted=True))
def test_an_accepted_value_configures(vector: dict[str, Any]) -> None:
    """One variable alone, on top of nothing."""
    environ = {vector["variable"]: vector["value"]}

    settings = Settings.load(environ, None)

    assert vector["variable"] in settings.explicit


@pytest.mark.parametrize("vector", cases("configuration", accepted=False))
def test_a_refused_value_is_named(vector: dict[str, Any]) -> None:
    """The problem names its variable."""
    environ = {vector["variable"]: vector["value"]}

    with pytest.raises(SettingsError) as refusal:
        Settings.load(environ, None)

    assert vector["variable"] in {problem.variable for problem in refusal.value.problems}
