import base64
import json
import time
from typing import NamedTuple
from urllib.parse import quote

import msgspec
import pytest
from arqonbus_conformance.redaction import CUT, Redaction, credentials_in
from arqonbus_conformance.target import parse_profile
from arqonbus_conformance.tokens import mint

SECRET = "canary/with+odd &\"chars'-7f3a9c\u00e4"
TOKEN = mint(b"k" * 32, "a", "ann")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        repr(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET),
        quote(SECRET, safe=""),
        b64(SECRET),
        b64(f"user:{SECRET}"),
        b64(f"a user:{SECRET}"),
        b64(f"a2user:{SECRET} and more"),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        "/path/" + b64(f"user:{SECRET}"),
        quote(b64(f"user:{SECRET}"), safe=""),
        b64(b64(f"user:{SECRET}")),
        "".join(f"%{byte:02x}" for byte in SECRET.encode()),
        SECRET.encode().hex(),
    ],
)
def test_a_known_credential_is_cut_however_it_is_written(written: str) -> None:
    """Nothing of it is left, and what stands around it is."""
    cleaned = Redaction([SECRET]).clean(f"before {written} after")

    assert "canary" not in cleaned
    assert written not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert CUT in cleaned


@pytest.mark.parametrize("text", [f"it sent {SECRET}"[:-3], f"{SECRET} came back"[4:]])
def test_a_credential_that_an_edge_has_cut_is_cut_whole(text: str) -> None:
    """A text of bounded length may end in the middle of one."""
    cleaned = Redaction([SECRET]).clean(text)

    assert "odd" not in cleaned


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"got {TOKEN} back", f"got {CUT} back"),
        (f"got {TOKEN[:40]}", f"got {CUT}"),
        (f"Authorization: Bearer {TOKEN}", f"Authorization: Bearer {CUT}"),
        ("?token=abc&x=1", f"?token={CUT}&x=1"),
        ("redis://ann:pw@h:1/0", f"redis://{CUT}@h:1/0"),
        ("JWT_SECRET=hunter2 x", f"JWT_SECRET={CUT} x"),
    ],
    ids=["token", "half a token", "bearer", "query", "user information", "variable"],
)
def test_what_looks_like_a_credential_is_cut(text: str, left: str) -> None:
    """Tokens that a case mints are known to nobody else."""
    assert Redaction().clean(text) == left


def test_a_token_inside_base64_is_cut() -> None:
    """As in the header of a basic authorization."""
    assert Redaction().clean(f"x {b64('ann:' + TOKEN)} y") == f"x {CUT} y"


def test_other_text_stays_as_it_is() -> None:
    """Names, hashes, code, percent signs and the words about tokens."""
    text = (
        "arqonbus_conformance.suites.unit.test_envelope::test_a_b[x/y] sha256 "
        + "0f" * 32
        + " the token is missing; allowed: 100%25 ws://h:1/p?x=1 Y2FzZQ== secret: 3 {'id': 'arq_1_2_abcdef'}"
    )

    assert Redaction([SECRET, "pw"]).clean(text) == text


def test_a_short_credential_is_cut_where_it_stands_alone() -> None:
    """Words that contain it stay readable."""
    assert Redaction(["on"]).clean("on, and only on") == f"{CUT}, and only {CUT}"


def test_credentials_are_found_by_the_names_of_their_fields() -> None:
    """In a profile: secret, tokens, addresses, variables of the launch; not where a variable's name stands."""
    target = parse_profile(
        """
        name = "n"
        [endpoints]
        bus = "wss://h:1"
        [credentials]
        jwt_secret_env = "S"
        [credentials.token_env]
        a_user = "T"
        [launch]
        command = "serve --store redis://:store-canary@h:1"
        [launch.environment]
        ARQONBUS_AUTH_JWT_SECRET = "launch-canary"
        ARQONBUS_REDIS_URL = "redis://:env-canary@h:1"
        ARQONBUS_TOKEN = "{secret}"
        ARQONBUS_SERVER_KEY = "/etc/key.pem"
        """,
        {"S": "secret-canary", "T": "token-canary"},
    )

    found = set(credentials_in(target))

    canaries = {f"{name}-canary" for name in ("secret", "token", "store", "launch", "env")}
    assert found == {*canaries, target.secret}


def test_variables_named_like_secrets_are_known() -> None:
    """A launched program inherits them and may print them."""
    redaction = Redaction.of_run(None, {"CI_TOKEN": "ci-canary", "HOME": "/root"})

    assert redaction.clean("ci-canary /root") == f"{CUT} /root"


class Inner(msgspec.Struct, frozen=True):
    """Made for the test."""

    id: str
    text: str


class Outer(msgspec.Struct, frozen=True):
    """Made for the test."""

    inner: tuple[Inner, ...]
    names: dict[str, str]
    count: int


class Named(NamedTuple):
    """Made for the test."""

    api_token: str
    plain: tuple[str, ...]


def test_a_value_is_cleaned_through_and_through() -> None:
    """But for the fields that are told to stay."""
    value = Outer((Inner("canary", "a canary"),), {"x": "canary"}, 1)

    cleaned = Redaction(["canary"]).cleaned(value, keep=frozenset({"id"}))

    assert cleaned == Outer((Inner("canary", f"a {CUT}"),), {"x": CUT}, 1)
    assert list(credentials_in([Named("t", ("u",))])) == ["t"]


def test_cleaning_a_long_hostile_text_takes_no_time() -> None:
    """A deployment chooses what it sends: nothing it sends makes the gate hang."""
    hostile = [
        "eyJ" + "a." * 20_000,
        "A" * 40_000,
        "%41" * 15_000,
        "://" * 15_000,
        "token" * 8_000,
        "a=" * 20_000,
    ]
    began = time.process_time()

    for text in hostile:
        Redaction([SECRET, TOKEN]).clean(text)

    assert time.process_time() - began < 5
