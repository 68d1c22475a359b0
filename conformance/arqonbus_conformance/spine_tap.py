"""What passes over the spine of a deployment: a NATS subscriber that sees every subject, and can speak there."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

import nats
from nats import errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from arqonbus_conformance.findings import Unanswered, Unfinished, Unreachable
from arqonbus_conformance.observing import observed
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.wire import REPLY_SECONDS

__all__ = ["Passing", "Tap"]

CONNECT_SECONDS: Final = 3
"""The longest connecting to the spine, or one of its answers, may take."""
MOST_MESSAGES: Final = 100_000
"""How many messages one case may look at."""
SHOWN_SUBJECTS: Final = 5
"""How many of the latest subjects an unanswered wait shows."""

Found = TypeVar("Found")


class Passing(NamedTuple):
    """One message on the spine."""

    subject: str
    headers: Mapping[str, str]
    data: bytes

    def holds(self, canary: str | bytes) -> bool:
        """Whether the bytes of ``canary`` stand anywhere in it."""
        wanted = canary.encode() if isinstance(canary, str) else canary
        parts = [self.subject, *self.headers.keys(), *self.headers.values()]
        return wanted in self.data or any(wanted in part.encode() for part in parts)


class Tap:
    """A subscriber to every subject of the spine, from ``open`` on.

    Attributes:
        seen: every message so far, in the order of the spine.
    """

    def __init__(self, url: str, transcript: Transcript) -> None:
        self.url = url
        self.seen: list[Passing] = []
        self._transcript = transcript
        self._client = NatsClient()
        self._news = asyncio.Event()
        self._overrun = False

    async def open(self, subject: str = ">") -> None:
        """Subscribe; on return nothing that is published later is missed.

        Raises:
            Unreachable: the spine does not answer.
        """
        try:
            # the library itself repeats the first attempt for two minutes
            async with asyncio.timeout(CONNECT_SECONDS):
                self._client = await nats.connect(
                    self.url, allow_reconnect=False, connect_timeout=CONNECT_SECONDS, error_cb=self._erred
                )
                await self._client.subscribe(
                    subject, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=0
                )
                await self._client.flush(timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, errors.Error) as fault:
            raise Unreachable(f"the spine does not answer: {type(fault).__name__}") from fault

    async def publish(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        """Say something on the spine; on return the server has it."""
        await self._client.publish(subject, data, headers=headers)
        await self._client.flush(timeout=CONNECT_SECONDS)

    async def until(
        self, find: Callable[[], Found | None], what: str, within: float = REPLY_SECONDS
    ) -> Found:
        """Wait until ``find`` returns something; ``what`` says what that is.

        Raises:
            Unanswered: nothing was found within so many seconds.
        """
        observed()
        try:
            async with asyncio.timeout(within):
                while (found := find()) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            latest = [one.subject for one in self.seen[-SHOWN_SUBJECTS:]]
            raise Unanswered(
                f"the spine waited for {what}", expected=what, actual=f"the latest subjects: {latest}"
            ) from None
        if self._overrun:
            raise Unfinished(f"more than {MOST_MESSAGES} messages passed over the spine")
        return found

    async def passed(self, canary: str, *, under: str = "", within: float = REPLY_SECONDS) -> Passing:
        """The first message that holds ``canary``, of a subject that begins with ``under``.

        What was published before it has been seen by then.
        """

        def find() -> Passing | None:
            return next(
                (one for one in self.seen if one.subject.startswith(under) and one.holds(canary)), None
            )

        return await self.until(find, f"a message with {canary!r}", within)

    def holding(self, canary: str | bytes) -> list[Passing]:
        """The messages so far that hold ``canary`` anywhere."""
        observed()
        return [one for one in self.seen if one.holds(canary)]

    async def close(self) -> None:
        """Listen no more."""
        if not self._client.is_closed:
            await self._client.close()

    async def _take(self, message: Msg) -> None:
        if len(self.seen) >= MOST_MESSAGES:
            self._overrun = True
            return
        self.seen.append(Passing(message.subject, message.headers or {}, message.data))
        self._transcript.record("spine", "<", message.subject[:64], message.data)
        self._news.set()

    async def _erred(self, error: Exception) -> None:
        """A lost connection is noticed by the next wait: nothing more comes."""
        self._transcript.record("spine", "<", "fault", type(error).__name__)
