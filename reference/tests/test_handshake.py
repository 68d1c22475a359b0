"""The opening handshake: who gets a WebSocket, and what everybody else is told."""

import json
from collections.abc import Sequence

import pytest
from arqonbus_reference.access import ANONYMOUS, Principal, RejectedError
from arqonbus_reference.transport.handshake import (
    MAX_HEAD_BYTES,
    PROTOBUF,
    Accepted,
    Doorway,
    Refused,
    answer,
    too_large,
)
from hypothesis import given
from hypothesis import strategies as st

HEADERS = {
    "Host": "bus",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


def head(line: str = "GET / HTTP/1.1", **headers: str | None) -> bytes:
    """A request; a header of None is left out, `_` in a name stands for `-`."""
    chosen = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [line, *(f"{name}: {value}" for name, value in chosen.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def anybody(_: Sequence[str]) -> Principal:
    return ANONYMOUS


def nobody(_: Sequence[str]) -> Principal:
    raise RejectedError("rejected")


def answered(
    request: bytes, *, full: bool = False, origins: frozenset[str] = frozenset()
) -> Accepted | Refused:
    return answer(request, Doorway(anybody, origins), full=full)


def status(response: bytes) -> int:
    return int(response.split(b" ")[1])


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "GET /ws HTTP/1.1", "GET /?token=ignored HTTP/1.1"])
def test_a_right_request_is_accepted(line: str) -> None:
    """RFC 6455 section 4.2.2: 101 with the accept key; a query string is not looked at (AUTH-005)."""
    accepted = answered(head(line))

    assert isinstance(accepted, Accepted)
    assert b"ICX+Yqv66kxgM0FcWaLWlFLwTAI=" in accepted.response


REFUSED = {
    "another path": (head("GET /other HTTP/1.1"), 404),
    "plain HTTP": (head(Upgrade=None, Connection=None), 426),
    "another upgrade": (head(Upgrade="h2c"), 426),
    "no key": (head(Sec_WebSocket_Key=None), 400),
    "short key": (head(Sec_WebSocket_Key="AAAA"), 400),
    "old version": (head(Sec_WebSocket_Version="8"), 400),
    "POST": (head("POST / HTTP/1.1"), 405),
    "HTTP/1.0": (head("GET / HTTP/1.0"), 505),
    "origin": (head(Origin="https://evil.example"), 403),
    "origin null": (head(Origin="null"), 403),
    "a body": (head(Content_Length="5"), 400),
    "chunked": (head(Transfer_Encoding="chunked"), 400),
    "no HTTP": (b"hello\r\n\r\n", 400),
    "a space before the colon": (head()[:-2] + b"X : y\r\n\r\n", 400),
    "too many headers": (head(**{f"X{n}": "y" for n in range(300)}), 431),
    "a long line": (head(X="y" * 40_000), 431),
    "a long path": (head("GET /" + "x" * 40_000 + " HTTP/1.1"), 431),
}


@pytest.mark.parametrize(("request_head", "code"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_told_why_in_json(request_head: bytes, code: int) -> None:
    """CONN-004, CONN-006, CONN-007: the status, a JSON body, and the end of the connection."""
    refused = answered(request_head)

    assert isinstance(refused, Refused)
    assert status(refused.response) == code
    headers, _, body = refused.response.partition(b"\r\n\r\n")
    assert set(json.loads(body)) == {"error", "details"}
    assert b"Connection: close" in headers


def test_an_allowed_origin_is_accepted() -> None:
    """CONN-005: exactly as listed."""
    origins = frozenset({"https://app.example"})

    assert isinstance(answered(head(Origin="https://app.example"), origins=origins), Accepted)
    assert isinstance(answered(head(Origin="https://app.example.evil"), origins=origins), Refused)


def test_two_origins_are_refused() -> None:
    """A second Origin header hides nothing."""
    request = head(Origin="https://app.example")[:-2] + b"Origin: https://evil.example\r\n\r\n"

    refused = answered(request, origins=frozenset({"https://app.example"}))

    assert isinstance(refused, Refused)


def test_a_full_house_says_when_to_come_again() -> None:
    """LIM-004: 503 with Retry-After."""
    refused = answered(head(), full=True)

    assert status(refused.response) == 503
    assert b"Retry-After: 1" in refused.response


def test_a_refused_token_is_challenged() -> None:
    """AUTH-001, AUTH-008: 401, WWW-Authenticate, one word."""
    refused = answer(head(), Doorway(nobody), full=False)

    assert isinstance(refused, Refused)
    assert refused.details == "rejected"
    assert status(refused.response) == 401
    assert b"WWW-Authenticate: Bearer" in refused.response


def test_every_authorization_header_is_handed_on() -> None:
    """Two of them are for the authenticator to refuse, not for the handshake to pick from."""
    given_headers: list[Sequence[str]] = []

    def ask(authorizations: Sequence[str]) -> Principal:
        given_headers.append(authorizations)
        return ANONYMOUS

    request = head(Authorization="Bearer a")[:-2] + b"Authorization: Bearer b\r\n\r\n"
    answer(request, Doorway(ask), full=False)

    assert given_headers == [["Bearer a", "Bearer b"]]


@pytest.mark.parametrize(
    "request_head",
    [
        head("GET /ws HTTP/1.1", Upgrade=None),
        head("POST /ws HTTP/1.1"),
        head("GET /ws HTTP/1.1", Origin="null"),
    ],
)
def test_a_token_can_be_looked_at_before_anything_else(request_head: bytes) -> None:
    """Who has none learns nothing of what else is wrong, but for a path that is not there."""
    refused = answer(request_head, Doorway(nobody, paths=("/ws",), token_first=True), full=True)
    elsewhere = answer(head(), Doorway(nobody, paths=("/ws",), token_first=True), full=True)

    assert (status(refused.response), status(elsewhere.response)) == (401, 404)


def test_nobody_comes_in_while_it_is_unavailable() -> None:
    """503 with Retry-After and the reason; once it is available again, 101."""
    reasons: list[str | None] = ["no spine", None]
    doorway = Doorway(anybody, unavailable=lambda: reasons.pop(0))

    refused, accepted = (answer(head(), doorway, full=False) for _ in range(2))

    assert (status(refused.response), status(accepted.response)) == (503, 101)
    assert b"Retry-After: 1" in refused.response
    assert b"no spine" in refused.response


def test_protobuf_is_agreed_on_where_it_was_offered() -> None:
    """The answer names the subprotocol, else none at all."""
    offers = [PROTOBUF, f"chat, {PROTOBUF}", None, "chat", PROTOBUF.upper()]

    accepted = [answered(head(Sec_WebSocket_Protocol=offer)) for offer in offers]

    named = [b"Sec-WebSocket-Protocol: arqon.v1.protobuf" in each.response for each in accepted]
    assert [isinstance(each, Accepted) and each.protobuf for each in accepted] == named
    assert named == [True, True, False, False, False]


def test_an_oversized_head_is_refused() -> None:
    """431 names the bound."""
    assert str(MAX_HEAD_BYTES).encode() in too_large().response


@given(st.binary(max_size=400))
def test_garbage_is_answered_with_4xx(garbage: bytes) -> None:
    """Whatever a stranger sends, the answer is an HTTP error, never an exception."""
    refused = answered(garbage + b"\r\n\r\n")

    assert isinstance(refused, Refused)
    assert status(refused.response) in {400, 404, 405, 426, 431, 505}
