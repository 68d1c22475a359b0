"""The connection to NATS: publishes at once or refuses at once, comes back by itself, and never keeps what it could not send.

What is published waits for one writer within `backlog.MAX_WAITING_BYTES`; while NATS is not connected everything is refused
(NATS-002). An outage drops what still waited: both ends number what they send, so a loss is seen.
"""

import asyncio
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final, NamedTuple

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from arqonbus_reference.secret import Url, hidden_url
from arqonbus_reference.shield.backlog import MAX_WAITING_BYTES, Backlog, Parcel

PENDING_BYTES: Final = 4 * 1_048_576
"""Bytes handed to the client library and not yet to the kernel, after which the writer waits."""

CONNECT_SECONDS: Final = 2.0
"""The longest one attempt to connect may take."""

RETRY_SECONDS: Final = 0.25
"""Between two attempts to connect."""

PING_SECONDS: Final = 2.0
MAX_PINGS: Final = 2
"""A server silent for this many pings is taken for lost, so within 6 seconds."""

FLUSH_SECONDS: Final = 1
"""The longest a flush waits for a server that does not read."""

DRAIN_SECONDS: Final = 2.0
"""The longest that closing waits for what was published before."""

CANCELLATION_SECONDS: Final = 0.1
MAX_CANCELLATIONS: Final = 20
"""How long a task of ours may take to end, and how often it is told to."""

OVERHEAD_BYTES: Final = 4096
"""Of the server's max_payload, left for headers."""

MAX_TRACED_CHARACTERS: Final = 128


class SpineUnavailableError(Exception):
    """NATS is not connected, or does not keep up; nothing was sent."""


class Arrival(NamedTuple):
    """A message of the spine."""

    subject: str
    headers: Mapping[str, str]
    payload: bytes
    reply: str


class Spine:
    """One connection to NATS, for one event loop.

    `changed()`, which may be replaced, is called after `connected` changed; `report(site, error)` takes what goes wrong inside.
    """

    def __init__(
        self,
        url: Url,
        *,
        name: str,
        report: Callable[[str, BaseException], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._name = name
        self._report = report
        self.changed = changed
        self._client = Client()
        self._subscriptions: list[tuple[str, Callable[[Arrival], None]]] = []
        self._backlog = Backlog()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        self._closed = False
        self.reason: str | None = f"{self.place} has not answered yet"

    # -- state

    @property
    def connected(self) -> bool:
        """Whether something can be published now."""
        return self._up and self._client.is_connected

    @property
    def place(self) -> str:
        """Where NATS is, without a password."""
        return hidden_url(self._url)

    @property
    def max_payload_bytes(self) -> int:
        """The largest payload the server takes, room for headers left."""
        return max(1024, int(self._client.max_payload) - OVERHEAD_BYTES)

    # -- life

    def subscribe(self, subject: str, take: Callable[[Arrival], None]) -> None:
        """Hand every message of `subject` to `take`, in order, from `start` on; call it before."""
        self._subscriptions.append((subject, take))

    async def start(self) -> bool:
        """Connect, and stay connected from then on; whether the first attempt was answered (it goes on trying)."""
        first: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._connect(first), name="spine.connect"),
            asyncio.create_task(self._write(), name="spine.write"),
        ]
        done, _ = await asyncio.wait([first], timeout=CONNECT_SECONDS)  # the library itself never gives up
        return bool(done) and first.result()

    async def close(self) -> None:
        """Send what was published before, within `DRAIN_SECONDS`, and disconnect."""
        if self.connected:
            await self.flush()
        self._closed = True
        await self._end_tasks()
        if not self._client.is_closed:
            await self._client.close()

    async def _end_tasks(self) -> None:
        """Cancel, again and again: a cancellation that meets a refused connection is lost in `wait_for` of Python 3.11."""
        for _ in range(MAX_CANCELLATIONS):
            running = [task for task in self._tasks if not task.done()]
            if not running:
                return
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCELLATION_SECONDS)
        self._report("spine.close", TimeoutError(f"a task outlived {MAX_CANCELLATIONS} cancellations"))

    async def flush(self) -> None:
        """Wait until the server has what was published before, at most `DRAIN_SECONDS`."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._backlog and self.connected:
                    self._idle.clear()
                    await self._idle.wait()
                await self._client.flush(timeout=FLUSH_SECONDS)
        except (TimeoutError, errors.Error) as error:
            self._report("spine.flush", error)

    # -- sending

    def publish(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None, reply: str = ""
    ) -> None:
        """Send one message, after those published before.

        Raises:
            SpineUnavailableError: not connected, or too much waits already; nothing is sent, now or later.
        """
        if not self.connected:
            raise SpineUnavailableError(self.reason or "not connected")
        if not self._backlog.add(Parcel(subject, payload, headers, reply)):
            waiting = self._backlog.traffic_bytes
            raise SpineUnavailableError(f"{waiting} bytes wait; allowed: {MAX_WAITING_BYTES}")
        self._news.set()

    def publish_copy(self, subject: str, payload: bytes, headers: dict[str, str]) -> bool:
        """Send one message when no other waits; False when so many copies wait already that this one is dropped.

        Raises:
            SpineUnavailableError: not connected; nothing is sent, now or later.
        """
        if not self.connected:
            raise SpineUnavailableError(self.reason or "not connected")
        kept = self._backlog.add_copy(Parcel(subject, payload, headers, ""))
        self._news.set()
        return kept

    async def _write(self) -> None:
        """Hand over what was published, in order, and copies where nothing else waits."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._backlog:
                parcel = self._backlog.next()
                try:
                    await self._client.publish(
                        parcel.subject, parcel.payload, reply=parcel.reply, headers=parcel.headers
                    )
                except (errors.Error, OSError, ValueError) as error:
                    self._report("spine.publish", error)
            self._idle.set()

    # -- the connection

    async def _connect(self, first: "asyncio.Future[bool]") -> None:
        """Connect for the first time, however long it takes; the client library does so after each outage."""
        while True:
            try:
                await self._client.connect(servers=[str(self._url)], **self._options())
                for subject, take in self._subscriptions:
                    await self._listen(subject, take)
                await self._client.flush(timeout=FLUSH_SECONDS)
            except (OSError, TimeoutError, errors.Error) as error:
                self.reason = f"{self.place} does not answer ({type(error).__name__})"
                await self._client.close()
                self._client = Client()
                if not first.done():
                    first.set_result(False)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._arrived()
            if not first.done():
                first.set_result(True)
            return

    def _options(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "error_cb": self._erred,
            "disconnected_cb": self._lost,
            "reconnected_cb": self._arrived,
            "allow_reconnect": True,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": RETRY_SECONDS,
            "connect_timeout": CONNECT_SECONDS,
            "ping_interval": PING_SECONDS,
            "max_outstanding_pings": MAX_PINGS,
            "pending_size": PENDING_BYTES,
            "flush_timeout": FLUSH_SECONDS,
        }

    async def _listen(self, subject: str, take: Callable[[Arrival], None]) -> None:
        async def handed(message: Msg) -> None:
            try:
                take(Arrival(message.subject, message.headers or {}, message.data, message.reply))
            except Exception as error:  # noqa: BLE001  the boundary: one message's fault must not end a subscription (INT)
                self._report("spine.message", error)

        # No limit of its own: what is read in one turn of the loop is taken in the next, and `take` bounds what it keeps.
        await self._client.subscribe(subject, cb=handed, pending_msgs_limit=0, pending_bytes_limit=0)

    async def _arrived(self) -> None:
        if not self._closed:
            self._up, self.reason = True, None
            self.changed()

    async def _lost(self) -> None:
        if self._closed:
            return
        was, self._up = self._up, False
        self.reason = f"{self.place} is not connected"
        self._backlog.clear()
        self._idle.set()
        if was:
            self.changed()

    async def _erred(self, error: Exception) -> None:
        """What the library would log with a traceback; that NATS is away is said once, by `changed`."""
        if self.connected and not isinstance(
            error, OSError | errors.UnexpectedEOF | errors.StaleConnectionError
        ):
            self._report("spine.client", error)


async def answers(url: Url, seconds: float) -> str | None:
    """Why no NATS answers at `url` within so many seconds, or None."""

    async def silent(error: Exception) -> None:
        """The attempt below raises it too."""

    client = Client()
    try:
        async with asyncio.timeout(seconds):
            await client.connect(
                str(url), allow_reconnect=False, connect_timeout=ceil(seconds), error_cb=silent
            )
    except (OSError, TimeoutError, errors.Error) as error:
        return type(error).__name__
    finally:
        await client.close()  # after a failure too: it has a socket
    return None
