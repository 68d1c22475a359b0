"""The opening handshake: an upgrade request as told, right or wrong, and the answer to it.

The state machine is websockets' sans-I/O client; the bytes that follow the answer are handed back untouched,
because frames are parsed by this suite itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from websockets.client import ClientProtocol
from websockets.http11 import Response as HttpResponse
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from arqonbus_conformance.envelopes import read
from arqonbus_conformance.findings import Violation

__all__ = ["PROTOBUF", "Handshake", "HeaderMap", "Headers", "Refusal"]

Headers = Mapping[str, str | Sequence[str] | None]
"""Headers of a request: None leaves out a default one, a sequence repeats the header."""


PROTOBUF: Final = "arqon.v1.protobuf"
"""The subprotocol of an upgrade that wants binary frames."""
SUBPROTOCOLS: Final = "sec-websocket-protocol"
"""The header that offers subprotocols."""


class MissingHeader(Violation, KeyError):  # noqa: N818 - as every finding
    """A header that a case asked for is not there: a finding, and to ``get`` and ``in`` a key that is absent."""


class HeaderMap(Mapping[str, str]):
    """The headers of an answer; names compare without case, repeated ones are joined with a comma."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)

    def __getitem__(self, name: str) -> str:
        found = [value for key, value in self.pairs if key.lower() == name.lower()]
        if not found:
            raise MissingHeader(f"a header {name!r} is missing", actual=dict(self))
        return ", ".join(found)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.lower() for key, _ in self.pairs))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self.pairs})

    def __repr__(self) -> str:
        return repr(dict(self))


class Refusal(NamedTuple):
    """The answer to an upgrade that was not granted; ``reason`` is the phrase after the status."""

    status: int
    headers: HeaderMap
    body: bytes
    reason: str = ""

    def json(self) -> Any:
        """The body as JSON, objects as ``Observed``.

        Raises:
            Violation: it is not JSON.
        """
        try:
            return read(self.body.decode())
        except ValueError:
            raise Violation("the body is not JSON", expected="JSON", actual=self.body) from None


class Handshake:
    """One upgrade: ``request`` goes out, answers go to ``receive`` until it returns something."""

    def __init__(
        self,
        url: str,
        *,
        path: str = "/",
        method: str = "GET",
        headers: Headers | None = None,
        raw: bytes | None = None,
    ) -> None:
        offered = next((text for name, text in (headers or {}).items() if name.lower() == SUBPROTOCOLS), None)
        words = [word.strip() for word in offered.split(",")] if isinstance(offered, str) else []
        self._protocol = ClientProtocol(
            parse_uri(url), max_size=None, subprotocols=[Subprotocol(word) for word in words] or None
        )
        self._own_key = raw is None and not any(
            name.lower() == "sec-websocket-key" for name in (headers or {})
        )
        self._buffer = b""
        self._passing = False
        self.request = raw if raw is not None else self._serialise(path, method, headers or {})
        self.remainder = b""
        """The bytes that came after a granting answer: the first frames."""

    def _serialise(self, path: str, method: str, headers: Headers) -> bytes:
        defaults = self._protocol.connect().headers
        replaced = {name.lower() for name in headers}
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in defaults.raw_items() if name.lower() not in replaced]
        for name, value in headers.items():
            values = [value] if isinstance(value, str) else (value or [])
            lines += [f"{name}: {one}" for one in values]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")

    def receive(self, data: bytes) -> Refusal | Literal[True] | None:
        """Take bytes of the answer: True when the upgrade is granted, a refusal, or None while unfinished.

        Raises:
            ValueError: the answer is not HTTP, or grants the upgrade wrongly.
        """
        if not self._passing:
            self._buffer += data
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return None
            if head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 101\r")):
                self.remainder = rest
                data = head + separator
            else:
                self._passing = True
                data = self._buffer
        self._protocol.receive_data(data)
        return self._outcome()

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the answer chose; None before it came and where it chose none."""
        return self._protocol.subprotocol

    def eof(self) -> Refusal | Literal[True] | None:
        """Say that the peer ended the stream; the answer, when its end was the end of the stream.

        Raises:
            ValueError: the answer is not HTTP.
        """
        self._protocol.receive_eof()
        return self._outcome()

    def _outcome(self) -> Refusal | Literal[True] | None:
        fault = self._protocol.handshake_exc
        for event in self._protocol.events_received():
            if not isinstance(event, HttpResponse):
                continue
            if event.status_code != 101:
                headers = HeaderMap(list(event.headers.raw_items()))
                return Refusal(event.status_code, headers, bytes(event.body), event.reason_phrase)
            if fault is None or not self._own_key:
                return True
        if fault is not None:
            cause = f": {fault.__cause__}" if fault.__cause__ else ""
            raise ValueError(f"{fault}{cause}")
        return None
