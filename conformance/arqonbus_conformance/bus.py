"""The bus endpoint of a deployment as cases use it: fresh names, clients, upgrades that must fail."""

import asyncio
from typing import Any, ClassVar, NamedTuple

import jwt

from arqonbus_conformance.client import Client
from arqonbus_conformance.endpoint import CONNECT_SECONDS, Endpoint, open_connection
from arqonbus_conformance.findings import NotOffered, Violation
from arqonbus_conformance.handshake import Handshake, Headers, Refusal
from arqonbus_conformance.interface import Interface
from arqonbus_conformance.observing import observed
from arqonbus_conformance.tokens import Token, TokenPart
from arqonbus_conformance.wire import REPLY_SECONDS, Connection

__all__ = ["Bus", "Client", "Refusal", "Session", "Upgrades"]


class Session(NamedTuple):
    """A client and the token that let it in, None where it showed none in its headers."""

    client: Client
    token: str | None


class Upgrades(Interface):
    """Connections to one WebSocket endpoint, all closed by ``close``.

    Attributes:
        path: where upgrades are asked for unless told otherwise.
    """

    path: ClassVar[str] = "/"

    def __post_init__(self) -> None:
        self._endpoint = Endpoint.parse(self.url)
        self._connections: list[Connection] = []
        self._streams: list[asyncio.StreamWriter] = []

    def authorization(self, token: Token, *, tenant: str, admin: bool) -> dict[str, str]:
        """The Authorization header for ``token``; empty where there is nothing to show."""
        return self.credentials.bearer(token, tenant, self.namespace.prefix, admin=admin)

    async def open(
        self,
        *,
        name: str,
        path: str | None = None,
        method: str = "GET",
        headers: Headers | None = None,
        raw: bytes | None = None,
        receive_buffer_bytes: int | None = None,
        within: float = CONNECT_SECONDS,
    ) -> Connection | Refusal:
        """Upgrade exactly as told: an open connection or the refusal."""
        where = self.path if path is None else path
        handshake = Handshake(self.url, path=where, method=method, headers=headers, raw=raw)
        outcome = await open_connection(
            self._endpoint,
            handshake,
            self.transcript,
            name=name,
            route=self.route,
            receive_buffer_bytes=receive_buffer_bytes,
            within=within,
        )
        if isinstance(outcome, Connection):
            self._connections.append(outcome)
        else:
            observed()
        return outcome

    async def tcp(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare TCP (or TLS) stream to the endpoint, not in the transcript; closed with the case.

        Raises:
            Unreachable: no connection could be made.
        """
        reader, writer = await self.route.streams(
            self._endpoint.host, self._endpoint.port, tls=self._endpoint.tls, within=CONNECT_SECONDS
        )
        self._streams.append(writer)
        return reader, writer

    async def close(self) -> None:
        """End every connection that is still open: a close frame where possible, then the TCP connection."""
        for connection in self._connections:
            connection.resume_reading()
            connection.start_close()
        for connection in self._connections:
            await connection.ended_or_aborted()
        for writer in self._streams:
            writer.close()
        self._connections.clear()
        self._streams.clear()


class Bus(Upgrades):
    """The bus endpoint, in a namespace of this case alone.

    Attributes:
        room: a room name that no other case has.
        other_room: another one.
        sessions: the clients that were let in, the oldest first.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.room = self.namespace.name("room")
        self.other_room = self.namespace.name("other")
        self.sessions: list[Session] = []

    def name(self, word: str) -> str:
        """A name that no other case has, within the grammar of names."""
        return self.namespace.name(word)

    async def connect(
        self,
        name: str = "client",
        *,
        tenant: str = "a",
        admin: bool = False,
        token: Token = ...,
        headers: Headers | None = None,
        path: str | None = None,
        origin: str | None = None,
        receive_buffer_bytes: int | None = None,
        answer_pings: bool = True,
        within: float = REPLY_SECONDS,
    ) -> Client:
        """A client that has received its welcome; ``name`` is for the transcript only.

        Raises:
            Violation: the upgrade was refused, or the welcome did not come.
            Unreachable: no TCP connection could be made.
        """
        sent = self._headers(token, headers, origin, tenant=tenant, admin=admin)
        outcome = await self.open(
            name=name, path=path, headers=sent, receive_buffer_bytes=receive_buffer_bytes
        )
        if isinstance(outcome, Refusal):
            raise Violation(
                f"the upgrade of {name} was refused",
                expected="101 Switching Protocols",
                actual=f"{outcome.status} {outcome.body[:500]!r}",
            )
        outcome.answer_pings = answer_pings
        return await self._welcomed(outcome, sent, within)

    async def _welcomed(self, connection: Connection, sent: Headers, within: float) -> Client:
        client = Client(connection)
        shown = sent.get("Authorization")
        self.sessions.append(
            Session(client, shown.removeprefix("Bearer ") if isinstance(shown, str) else None)
        )
        await client.until(lambda: client.received[0] if client.received else None, "the welcome", within)
        return client

    def _headers(
        self, token: Token, headers: Headers | None, origin: str | None, *, tenant: str, admin: bool
    ) -> Headers:
        named = {"Origin": origin} if origin is not None else {}
        return {**self.authorization(token, tenant=tenant, admin=admin), **named, **(headers or {})}

    async def clients(self, *names: str, tenant: str = "a") -> tuple[Client, ...]:
        """Clients of one tenant, connected at the same time."""
        return tuple(await asyncio.gather(*(self.connect(name, tenant=tenant) for name in names)))

    async def upgrade(
        self,
        headers: Headers | None = None,
        path: str | None = None,
        method: str = "GET",
        *,
        token: Token = ...,
        authorization: str | None = None,
        origin: str | None = None,
        raw: bytes | None = None,
        name: str = "upgrade",
        within: float = CONNECT_SECONDS,
    ) -> "Refusal | Client":
        """Try an upgrade and return the refusal, or the client where it was granted.

        ``authorization`` is the whole value of that header, instead of a token; ``raw`` replaces every byte of the
        request.

        Raises:
            Unanswered: no answer came.
            Unreachable: no TCP connection could be made.
        """
        made = dict(self._headers(token, headers, origin, tenant="a", admin=False))
        if authorization is not None:
            made["Authorization"] = authorization
        outcome = await self.open(name=name, path=path, method=method, headers=made, raw=raw, within=within)
        return outcome if isinstance(outcome, Refusal) else await self._welcomed(outcome, made, within)

    def token(self, tenant: str = "a", *, admin: bool = False, **claim_overrides: object) -> str:
        """A token of this deployment for this case; ``claim_overrides`` replace claims, ``...`` removes one.

        Raises:
            NotOffered: the target offers no way to make it.
        """
        if not self.credentials.enabled:
            raise NotOffered("the deployment has authentication off")
        return self.credentials.token(tenant, self.namespace.prefix, admin=admin, **claim_overrides)

    def sign(self, claims: TokenPart, header: TokenPart | None = None, secret: bytes | None = None) -> str:
        """A token over exactly these claims and header, by this secret or the deployment's.

        Raises:
            NotOffered: no secret is known.
        """
        return self.credentials.signed(claims, header, secret)

    def claims(self, tenant: str = "a", *, admin: bool = False, **overrides: object) -> dict[str, Any]:
        """The claims that ``token`` would sign, for signing them otherwise."""
        return dict(
            jwt.decode(self.token(tenant, admin=admin, **overrides), options={"verify_signature": False})
        )
