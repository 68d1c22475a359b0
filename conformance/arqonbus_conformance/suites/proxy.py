"""A TCP proxy that holds every connection until it is released: a dependency that is there and does not answer yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self
from urllib.parse import urlsplit

from arqonbus_conformance.findings import Unanswered

CHUNK_BYTES: Final = 65_536


class HeldProxy:
    """Accepts at `url`, and forwards nothing before `release()`."""

    def __init__(self, host: str, port: int) -> None:
        self.url = ""
        self._host = host
        self._port = port
        self._arrived = asyncio.Event()
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncIterator[Self]:
        """A proxy before the server at `url`, ended with everything that goes through it."""
        parts = urlsplit(url)
        proxy = cls(parts.hostname or "", parts.port or 6379)
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        try:
            yield proxy
        finally:
            server.close()
            for task in proxy._tasks:
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)

    async def somebody_waits(self, within: float) -> None:
        """Return once a connection is being held.

        Raises:
            Unanswered: none came within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                await self._arrived.wait()
        except TimeoutError:
            raise Unanswered(f"the deployment did not connect to its storage within {within:g} s") from None

    def release(self) -> None:
        """Forward what was held and everything from now on."""
        self._released.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._arrived.set()
        await self._released.wait()
        try:
            onward_reader, onward_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, onward_writer), _copy(onward_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        # Either side may go at any time; the other one is told by the close below.
        pass
    finally:
        writer.close()
