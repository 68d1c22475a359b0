"""A client of Shield on its way to the bus: what it sends is numbered and tracked, what it gets is whole and in order."""

import asyncio
import secrets
from collections.abc import Callable

import msgspec

from arqonbus_reference.shield import link
from arqonbus_reference.shield.parcels import Joiner, split
from arqonbus_reference.shield.requests import MAX_REQUESTS, PAUSE_REQUESTS, Request, Requests
from arqonbus_reference.shield.spine import Spine, SpineUnavailableError
from arqonbus_reference.transport.frames import text_frame


class Session:
    """One `link.EdgeSession`; `obstacle()` says why nothing can be sent now, `over(session)` is called once after its end.

    `up` and `down` are the last numbers sent and received.
    """

    def __init__(
        self,
        spine: Spine,
        tenant: str,
        client: link.EdgeClient,
        *,
        obstacle: Callable[[], str | None],
        over: Callable[["Session"], None],
    ) -> None:
        self.session_id = secrets.token_hex(16)
        self.closing: link.Ending | None = None
        self.up = 0
        self.down = 0
        self._spine = spine
        self._client = client
        self._obstacle = obstacle
        self._over = over
        self._ended = False
        self._raw = link.inbound(tenant, "raw")
        self._tenant = tenant
        self._requests = Requests()
        self._joiner = Joiner()
        self._paused_by_bus = False
        self._paused_here = False

    # -- to the bus

    def begin(self, opening: link.Opening, node: str, question: int) -> None:
        """Open the session on the bus, for a node whose last question had this number.

        Raises:
            SpineUnavailableError: it was not sent.
        """
        headers = {**self._numbered(question), link.NODE: node}
        self._spine.publish(link.inbound(self._tenant, "open"), msgspec.json.encode(opening), headers)
        self.up = 1

    def send(self, text: bytes, request_id: str, *, command: bool) -> None:
        """As `link.EdgeSession.send`; a request that was not answered within MAX_REQUESTS others is refused as well."""
        obstacle = "the session is over" if self._ended or self.closing else self._obstacle()
        if obstacle is not None:
            raise SpineUnavailableError(obstacle)
        if self._requests.full:
            raise SpineUnavailableError(
                f"{MAX_REQUESTS} requests of this session wait; allowed: {MAX_REQUESTS}"
            )
        first = self.up + 1
        for part, more in split(text, self._spine.max_payload_bytes):
            headers = self._numbered(self.up + 1)
            if more:
                headers[link.MORE] = "1"
            try:
                self._spine.publish(self._raw, part, headers)
            except SpineUnavailableError:
                if self.up >= first:
                    self.up += (
                        1  # parts of this frame are on their way: a missing number tells the bus to drop them
                    )
                raise
            self.up += 1
        self._requests.sent(Request(self.up, request_id, command))
        self._hold()

    def close(self, code: int, reason: str) -> None:
        """As `link.EdgeSession.close`."""
        if self._ended or self.closing is not None:
            return
        self.closing = link.Ending(code, reason)
        if self._obstacle() is None:
            try:
                self._say_closed(self.closing)
            except SpineUnavailableError:
                pass  # the bus learns it when the node asks next: the session is not in the question
            else:
                return
        asyncio.get_running_loop().call_soon(self.end, code, reason)

    def _say_closed(self, ending: link.Ending) -> None:
        subject = link.inbound(self._tenant, "close")
        self._spine.publish(subject, msgspec.json.encode(ending), self._numbered(self.up + 1))
        self.up += 1

    def _numbered(self, sequence: int) -> dict[str, str]:
        return {link.SESSION: self.session_id, link.SEQUENCE: str(sequence)}

    # -- from the bus

    def take(self, sequence: int, part: bytes, *, more: bool) -> bool:
        """Deliver what the bus sent, once; False when something before it is missing, and it is dropped."""
        if sequence <= self.down:
            return True
        if sequence != self.down + 1:
            return False
        self.down = sequence
        frames = self._joiner.add(part, more=more)
        if frames is not None and not self._ended:
            if not self._requests.quiet:
                frames = self._without_late_answers(frames)
                self._hold()
            if frames:
                self._client.deliver(frames)
        return True

    def _without_late_answers(self, frames: bytes) -> bytes:
        texts = list(link.texts(frames))
        taken = [text for text in texts if self._requests.takes(text)]
        return frames if len(taken) == len(texts) else b"".join(map(text_frame, taken))

    def pause(self, *, paused: bool) -> None:
        """The bus reads no more from this client, or reads again."""
        was = self._is_paused
        self._paused_by_bus = paused
        self._tell_paused(was=was)

    def _hold(self) -> None:
        """Read no more from a client that does not wait for its answers, until half of them came."""
        was, waiting = self._is_paused, len(self._requests)
        self._paused_here = waiting > (PAUSE_REQUESTS // 2 if self._paused_here else PAUSE_REQUESTS)
        self._tell_paused(was=was)

    @property
    def _is_paused(self) -> bool:
        return self._paused_by_bus or self._paused_here

    def _tell_paused(self, *, was: bool) -> None:
        if self._is_paused and not was:
            self._client.pause()
        elif was and not self._is_paused:
            self._client.resume()

    # -- when something was lost

    def give_up(self) -> None:
        """Answer all that wait: the bus cannot be reached. A session that is being closed ends."""
        self._refuse(self._requests.give_up())
        if self.closing is not None:
            self.end(*msgspec.structs.astuple(self.closing))

    def agree(self, seen: link.Seen) -> bool:
        """Answer what the bus did not get; whether nothing else is missing."""
        self._refuse(self._requests.lost_after(seen.up))
        return seen.down == self.down

    def end(self, code: int, reason: str) -> None:
        """The session is over: answer all that wait, and close the client."""
        if self._ended:
            return
        self._ended = True
        self._over(self)
        self._refuse(self._requests.give_up())
        self._client.end(code, reason)

    def _refuse(self, requests: list[Request]) -> None:
        for request in requests:
            self._client.unanswered(request.request_id, command=request.command)
        if not self._ended:
            self._hold()
