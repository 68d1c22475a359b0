"""HTTP requests that no well-behaved client makes: shapes of smuggling, floods, and noise from a seed."""

from __future__ import annotations

import asyncio
import random
import string
from typing import Final
from urllib.parse import urlsplit

from arqonbus_conformance.findings import Unanswered
from arqonbus_conformance.observing import observed
from arqonbus_conformance.route import DIRECT, Reached

ANSWER_SECONDS: Final = 15.0
"""The longest an answer, or the end of the connection, may take, in seconds."""
SILENT_SECONDS: Final = 0.5
"""How long to wait for an answer to what may be no whole request, before or instead of saying that no more comes, in seconds."""
END_OF_HEAD: Final = b"\r\n\r\n"
"""What ends a head: before it no deployment owes an answer."""
ANSWER_BYTES: Final = 1024 * 1024
"""How much of an answer is read, in bytes."""

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="

UPGRADE: Final = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)

BROKEN_LINES: Final = {
    "space-before-the-colon": "X-A : b",
    "no-colon": "X-A",
    "empty-name": ": b",
    "obsolete-folding": "X-A: b\r\n c",
    "nul-in-a-value": "X-A: b\x00c",
    "nul-in-a-name": "X\x00A: b",
    "bare-cr": "X-A: b\rX-B: c",
    "space-in-a-name": "X A: b",
}
"""Header lines that HTTP forbids; an upgrade that holds one must not be granted."""

BODIES: Final = {
    "content-length": ("Content-Length: 5", "hello"),
    "content-length-twice": ("Content-Length: 5\r\nContent-Length: 6", "hello!"),
    "content-length-negative": ("Content-Length: -1", ""),
    "content-length-hexadecimal": ("Content-Length: 0x5", "hello"),
    "content-length-plus": ("Content-Length: +5", "hello"),
    "content-length-huge": ("Content-Length: 99999999999999999999", ""),
    "chunked": ("Transfer-Encoding: chunked", "0\r\n\r\n"),
    "chunked-and-length": ("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    "chunked-in-disguise": ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
    "chunk-size-nonsense": ("Transfer-Encoding: chunked", "zz\r\n\r\n"),
}
"""Bodies and the header lines that announce them, where a GET has none."""

REQUEST_LINES: Final = {
    "no-target": "GET HTTP/1.1",
    "no-version": "GET /health",
    "two-spaces": "GET  /health  HTTP/1.1",
    "version-9": "GET /health HTTP/9.9",
    "version-nonsense": "GET /health HTPT/1.1",
    "empty-method": " /health HTTP/1.1",
    "long-method": "G" * 5000 + " /health HTTP/1.1",
    "long-target": "GET /" + "a" * 100_000 + " HTTP/1.1",
    "long-query": "GET /health?" + "a" * 100_000 + " HTTP/1.1",
    "many-parameters": "GET /storage/history?" + "&".join(["room=r"] * 5000) + " HTTP/1.1",
    "nul-in-the-target": "GET /hea\x00lth HTTP/1.1",
    "high-bytes-in-the-target": "GET /\u00ff\u00fe HTTP/1.1",
    "bad-percent": "GET /%zz HTTP/1.1",
    "half-percent": "GET /% HTTP/1.1",
    "percent-nul": "GET /%00 HTTP/1.1",
    "bad-utf-8-percent": "GET /%ff%fe HTTP/1.1",
    "bad-percent-in-a-query": "GET /storage/history?room=%zz HTTP/1.1",
    "bad-utf-8-in-a-query": "GET /storage/history?room=%ff%fe HTTP/1.1",
    "nul-in-a-query": "GET /storage/history?room=%00 HTTP/1.1",
    "surrogate-in-a-query": "GET /storage/history?room=%ed%a0%80 HTTP/1.1",
    "absolute-form": "GET http://elsewhere.example/health HTTP/1.1",
    "asterisk-form": "OPTIONS * HTTP/1.1",
    "connect": "CONNECT elsewhere.example:443 HTTP/1.1",
    "traversal": "GET /../../../../etc/passwd HTTP/1.1",
    "encoded-traversal": "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
    "backslashes": "GET \\..\\..\\windows HTTP/1.1",
    "http-2-preface": "PRI * HTTP/2.0",
}

_NOISE_BYTES: Final = 600


def request(line: str, *headers: str, body: str = "", host: str = "bus.example") -> bytes:
    """The bytes of a request, as wrong as its parts; characters go out as the bytes of their number."""
    return "\r\n".join([line, f"Host: {host}", *headers, "", body]).encode("latin-1", "replace")


def noise(rng: random.Random) -> bytes:
    """Random bytes that begin, more or less, like a request."""
    method = rng.choice(["GET", "HEAD", "POST", "get", "", "\x00", "GE\tT", "PRI"])
    target = rng.choice(["/", "/health", "/status?", "/storage/history?room=", "*", "//", "/%", "/\x7f"])
    version = rng.choice(["HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/1.1 ", "", "HTTP/-1"])
    junk = "".join(rng.choices(string.printable + "\x00\x80\xff", k=rng.randrange(_NOISE_BYTES)))
    ending = rng.choice(["\r\n\r\n", "\n\n", "\r\n", ""])
    return f"{method} {target}{junk[:20]} {version}\r\n{junk}{ending}".encode("latin-1")


def status_of(answer: bytes) -> int | None:
    """The status of an HTTP answer; None where the connection ended without one."""
    head = answer.split(b"\r\n", 1)[0].split(b" ")
    return int(head[1]) if len(head) > 1 and head[0].startswith(b"HTTP/") and head[1].isdigit() else None


async def exchange(interface: str | Reached, sent: bytes, *, half_closed: bool = True) -> bytes:
    """Send the bytes to an interface, say that nothing more comes (``half_closed``), and return what came back.

    A deployment may leave a client alone that has said its last word, so what holds a whole head is given
    ``SILENT_SECONDS`` to be answered before that is said. Where it is not to be said, the request asks for the connection
    to be closed, and all is returned that came until then. TLS cannot be closed by half: there an empty line ends
    whatever head was begun, and ``SILENT_SECONDS`` of silence are no answer.

    Raises:
        Unreachable: no connection could be made.
        Unanswered: the connection was neither answered nor ended in time.
    """
    url, route = (interface, DIRECT) if isinstance(interface, str) else (interface.url, interface.route)
    place = urlsplit(url)
    tls = place.scheme in {"https", "wss"}
    host, port = place.hostname or "", place.port or (443 if tls else 80)
    reader, writer = await route.streams(host, port, tls=tls, within=ANSWER_SECONDS)
    observed()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _answer(reader, writer, sent, half_closed=half_closed)
    except TimeoutError:
        raise Unanswered(
            f"{len(sent)} bytes beginning {sent[:60]!r} got no answer in {ANSWER_SECONDS} s"
        ) from None
    finally:
        writer.close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes, *, half_closed: bool
) -> bytes:
    try:
        writer.write(sent)
        await writer.drain()
        if not half_closed:
            return await _to_the_end(reader)
        if END_OF_HEAD in sent and (answer := await _or_silence(reader)):
            return answer
        if writer.can_write_eof():
            writer.write_eof()
            return await reader.read(ANSWER_BYTES)
        writer.write(END_OF_HEAD)
        return await _or_silence(reader)
    except OSError:  # a refused request may be cut off before it was read whole
        return b""


async def _or_silence(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            return await reader.read(ANSWER_BYTES)
    except TimeoutError:
        return b""


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readexactly(ANSWER_BYTES)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
