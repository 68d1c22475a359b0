"""The bus's side of the spine: it serves each session of each node as it serves a connection of its own.

Everything to one session in one tick is one message. While NATS is away, or a node has not asked since, what is sent is
kept within bounds and sent once the node has said what it missed; a session that missed more is over.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import msgspec

from arqonbus_reference.access import Principal
from arqonbus_reference.shield import link
from arqonbus_reference.shield.far_client import FarClient
from arqonbus_reference.shield.far_node import Node
from arqonbus_reference.shield.parcels import split
from arqonbus_reference.shield.spine import Arrival, Spine, SpineUnavailableError
from arqonbus_reference.shield.windows import Part, Windows
from arqonbus_reference.transport.application import Application, Limits

MAX_NODES: Final = 1024
"""Shield processes that the bus knows at once; one more is not answered."""

GOING_AWAY: Final = "server is going away"


class Downlink:
    """The sessions of all nodes, for one event loop; `full()` says whether no other client may come.

    Makes the spine's `changed` its own; `changed()` is called after `connected` changed.
    """

    def __init__(
        self,
        spine: Spine,
        application: Application,
        limits: Limits,
        *,
        full: Callable[[], bool],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.application = application
        self.limits = limits
        self.clients: dict[str, FarClient] = {}
        self.rejected = 0
        self._spine = spine
        self._full = full
        self._changed = changed
        self._nodes: dict[str, Node] = {}
        self._windows = Windows()
        self._beats = 0
        self._epoch = ""
        self._accepting = True
        self._reading = True
        self._dirty: list[FarClient] = []
        self._beating: asyncio.Task[None] | None = None
        spine.changed = self._spine_changed
        spine.subscribe(link.INBOUND, self._inbound)
        spine.subscribe(link.NODE_BEAT, self._node_beat)
        spine.subscribe(link.NODE_SYNC, self._node_asked)

    # -- state

    @property
    def connected(self) -> bool:
        """Whether NATS is connected."""
        return self._spine.connected

    @property
    def reason(self) -> str | None:
        """Why not, or None."""
        return None if self._spine.connected else self._spine.reason

    def state(self) -> dict[str, Any]:
        """What /health and the status command say of the spine."""
        return {"spine": {"connected": self.connected, "reason": self.reason}}

    # -- life

    async def start(self) -> bool:
        """Connect and stay connected; whether NATS answered the first attempt."""
        answered = await self._spine.start()
        self._beating = asyncio.create_task(self._beat(), name="downlink.beat")
        return answered

    def stop_accepting(self) -> None:
        """Open no session any more; those there are live on."""
        self._accepting = False

    def stop_reading(self) -> None:
        """Take nothing more from clients; what they send now is refused by Shield when they are closed."""
        self._reading = False

    async def close(self) -> None:
        """Close every client with 1001, say so to the nodes, and disconnect."""
        self._accepting = self._reading = False
        for client in tuple(self.clients.values()):
            client.close(1001, GOING_AWAY)
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        await self._spine.close()

    # -- signs of life

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(link.BEAT_SECONDS)
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001  the boundary: one session's fault must not end the beat (INT)
                self.application.failed("spine.beat", error)

    def _tick(self) -> None:
        """Say that the bus lives, and see which nodes do; without NATS nobody can be blamed for silence."""
        if not self._spine.connected:
            return
        self._beats += 1
        self._windows.trim(self._beats)
        self._say(link.BUS_BEAT, b"", {link.EPOCH: self._epoch})
        for node in tuple(self._nodes.values()):
            node.silent_beats += 1
            if node.silent_beats >= link.LEASE_BEATS:
                self._evict(node)
            elif node.held and node.answered:
                self._say_lost(node.name)

    def _evict(self, node: Node) -> None:
        """A node is gone, and its clients with it."""
        del self._nodes[node.name]
        for client in tuple(node.clients.values()):
            client.vanish("its edge is silent")

    def _spine_changed(self) -> None:
        """A new connection is a new epoch: what was sent before may be lost."""
        for node in self._nodes.values():
            node.held, node.silent_beats = True, 0
        if self._spine.connected:
            self._epoch = secrets.token_hex(8)
            self._say(link.BUS_BEAT, b"", {link.EPOCH: self._epoch})
        self._changed()

    def _node_beat(self, arrival: Arrival) -> None:
        name = link.checked_id(arrival.headers.get(link.NODE))
        node = self._nodes.get(name)
        if node is None:
            self._say_lost(name)
        else:
            node.silent_beats = 0

    def _say_lost(self, name: str) -> None:
        self._say(link.outbound(name, "lost"), b"", {link.EPOCH: self._epoch})

    def _say(self, subject: str, payload: bytes, headers: dict[str, str]) -> bool:
        """Send, or drop: whoever misses it hears the next beat."""
        try:
            self._spine.publish(subject, payload, headers)
        except SpineUnavailableError:
            return False
        return True

    # -- what a node has seen

    def _node_asked(self, arrival: Arrival) -> None:
        """Send again what a node missed, end what cannot go on, and say what arrived here."""
        node = self._asking(link.checked_id(arrival.headers.get(link.NODE)))
        number = link.checked_sequence(arrival.headers.get(link.SEQUENCE))
        known = node.asks(number, arrival.payload, more=link.MORE in arrival.headers)
        if known is None:
            return
        clients = tuple(node.clients.values())
        for client in clients:
            client.flush()
        node.held, node.answered = False, number
        agreed = {client.session_id: self._agreed(client, known.get(client.session_id)) for client in clients}
        self._answer(node, {name: seen for name, seen in agreed.items() if seen is not None})

    def _asking(self, name: str) -> Node:
        """A node that asks: it lives, and is known from now on."""
        node = self._nodes.get(name)
        if node is None:
            if len(self._nodes) >= MAX_NODES:
                raise link.LinkError(f"node: {len(self._nodes)} are known; allowed: {MAX_NODES}")
            node = self._nodes[name] = Node(name)
        node.silent_beats = 0
        return node

    def _agreed(self, client: FarClient, seen: link.Seen | None) -> link.Seen | None:
        """What is true of a session on this side, the node having everything now; None when it is over."""
        if seen is None:
            client.vanish("its edge has closed it")
            return None
        missed = client.window.after(seen.down, client.down)
        if missed is None:
            client.vanish("it missed a delivery")
            return None
        found = link.Seen(client.up, client.down)
        client.resume_at(seen.up)
        for part in missed:
            self._send(client, part)
        if client.ever_paused:
            self.tell(client, "pause" if client.paused else "resume")
        return found

    def _answer(self, node: Node, agreed: link.Known) -> None:
        headers = {link.EPOCH: self._epoch, link.SEQUENCE: str(node.answered)}
        for part, more in split(msgspec.json.encode(agreed), self.part_bytes):
            self._say(link.outbound(node.name, "synced"), part, headers | ({link.MORE: "1"} if more else {}))

    # -- what clients send

    def _inbound(self, arrival: Arrival) -> None:
        tenant, kind = link.tenant_and_kind(arrival.subject)
        session_id = link.checked_id(arrival.headers.get(link.SESSION))
        if kind == "open":
            self._open(tenant, session_id, arrival)
            return
        client = self.clients.get(session_id)
        if client is None or not self._reading:
            return  # it ended here while this was on its way
        if client.tenant != tenant:
            raise link.LinkError("subject: the session is of another tenant")
        if kind == "close":
            client.leave(link.decoded(arrival.payload, link.Ending))
        else:
            sequence = link.checked_sequence(arrival.headers.get(link.SEQUENCE))
            client.take(sequence, arrival.payload, more=link.MORE in arrival.headers)

    def _open(self, tenant: str, session_id: str, arrival: Arrival) -> None:
        name = link.checked_id(arrival.headers.get(link.NODE))
        opening = link.decoded(arrival.payload, link.Opening)
        node = self._nodes.get(name)
        if node is None or not node.answered:
            self._say_lost(name)
            return
        if link.checked_sequence(arrival.headers.get(link.SEQUENCE)) < node.answered:
            return  # late: the node was told since that there is no such session
        if session_id in self.clients:
            raise link.LinkError("session: it is open already")
        client = FarClient(self, session_id, name, tenant)
        if not self._accepting:
            self.tell(client, "close", link.Ending(1001, GOING_AWAY))
        elif self._full():
            self.rejected += 1
            self.tell(client, "close", link.Ending(1013, "too many connections"))
        else:
            self.clients[session_id] = node.clients[session_id] = client
            self.application.opened(client, Principal(tenant, opening.subject, opening.admin, None))

    # -- far_client.Way

    @property
    def part_bytes(self) -> int:
        """The largest part of a payload."""
        return self._spine.max_payload_bytes

    def soon(self, client: FarClient) -> None:
        """Flush a client at the end of this tick."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(client)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for client in dirty:
            try:
                client.flush()
            except Exception as error:  # noqa: BLE001  the boundary: one session's fault must not silence others (CONN-012)
                self.application.failed("spine.write", error)

    def carry(self, client: FarClient, part: Part) -> bool:
        """Keep a part, and send it unless its node has to ask first."""
        self._windows.keep(client.window, part, self._beats)
        node = self._nodes[client.node]
        return not node.held and self._send(client, part)

    def _send(self, client: FarClient, part: Part) -> bool:
        headers = {link.SESSION: client.session_id, link.SEQUENCE: str(part.sequence)}
        if part.more:
            headers[link.MORE] = "1"
        if self._say(link.outbound(client.node, "frames"), part.payload, headers):
            return True
        self._nodes[client.node].held = True
        return False

    def tell(self, client: FarClient, kind: str, ending: link.Ending | None = None) -> None:
        """Close, pause or resume a client; what cannot be said now is agreed on when the node asks."""
        payload = b"" if ending is None else msgspec.json.encode(ending)
        if not self._say(link.outbound(client.node, kind), payload, {link.SESSION: client.session_id}):
            self._nodes[client.node].held = True

    def missed(self, client: FarClient) -> None:
        """Let a node ask: something that it sent did not arrive."""
        node = self._nodes[client.node]
        if not node.held:
            node.held = True
            self._say_lost(node.name)

    def forget(self, client: FarClient) -> None:
        """A session is over."""
        self.clients.pop(client.session_id, None)
        if client.node in self._nodes:
            self._nodes[client.node].clients.pop(client.session_id, None)
