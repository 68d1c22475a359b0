"""One connection to the server, used by one command at a time, bounded in time."""

import asyncio
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from arqonbus_reference.storage.interface import StorageUnavailableError

__all__ = ["Lane", "ResponseError", "Script", "script"]

Word = bytes | str | int

IDLE_SECONDS = 5.0
"""A connection unused for so long is tried with PING first: something between may have cut it, and a write must not find out."""


class Script(NamedTuple):
    """A Lua script and the name the server caches it by."""

    source: bytes
    sha: bytes


@cache
def script(name: str) -> Script:
    """The script `lua/<name>.lua` of this package."""
    source = (files(__package__) / "lua" / f"{name}.lua").read_bytes()
    return Script(source, sha1(source, usedforsecurity=False).hexdigest().encode())


class Lane:
    """A connection that is opened when needed and dropped after whatever leaves its replies out of step.

    After StorageUnavailableError it is unknown whether the server carried the command out.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        options: dict[str, Any] = dict(parse_url(url.replace("valkey://", "redis://", 1)))
        kind: type[AbstractConnection] = options.pop("connection_class", Connection)
        # One deadline per call bounds connecting, writing and reading together; the client's own retries would outlive it.
        options |= {"socket_timeout": None, "socket_connect_timeout": None, "decode_responses": False}
        options |= {
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
            "health_check_interval": 0,
        }
        self._connection = kind(**options)
        self._timeout_seconds = timeout_seconds
        self._turn = asyncio.Lock()
        self._used_at = 0.0

    async def call(self, *words: Word) -> Any:
        """The reply to one command.

        Raises:
            ResponseError: the server refused the command.
            StorageUnavailableError: no answer within the timeout.
        """
        return await self._exchange(_packed(words))

    async def run(self, lua: Script, keys: tuple[Word, ...], *args: Word) -> Any:
        """What the script gives; it is loaded when the server does not know it (then nothing of it ran).

        Raises:
            ResponseError: the server refused the script or a command in it; earlier ones took effect.
            StorageUnavailableError: no answer within the timeout.
        """
        rest = (len(keys), *keys, *args)
        try:
            return await self._exchange(_packed((b"EVALSHA", lua.sha, *rest)))
        except NoScriptError:
            return await self._exchange(_packed((b"EVAL", lua.source, *rest)))

    async def close(self) -> None:
        """Drop the connection; the next call opens another."""
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, packed: bytes) -> Any:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._turn:
                return await self._reply(packed)
        except TimeoutError as error:
            raise StorageUnavailableError(f"no answer within {self._timeout_seconds:g} s") from error
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            raise StorageUnavailableError(_shown(error)) from error

    async def _reply(self, packed: bytes) -> Any:
        connection = self._connection
        now = asyncio.get_running_loop().time()
        try:
            if connection.is_connected and now - self._used_at > IDLE_SECONDS:
                await self._try_idle()
            if not connection.is_connected:
                await connection.connect()  # type: ignore[no-untyped-call]
            self._used_at = now
            await connection.send_packed_command(packed, check_health=False)
            return await connection.read_response(disconnect_on_error=False)
        except ResponseError:
            raise
        except BaseException:
            # A reply may still come: on this connection it would answer the next command.
            await connection.disconnect(nowait=True)
            raise

    async def _try_idle(self) -> None:
        try:
            await self._connection.send_packed_command(_packed((b"PING",)), check_health=False)
            await self._connection.read_response(disconnect_on_error=False)
        except (RedisError, OSError):
            await self._connection.disconnect(nowait=True)


def _packed(words: tuple[Word, ...]) -> bytes:
    return cast("bytes", hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub knows only tuples of one


def _shown(error: Exception) -> str:
    """What happened, without addresses or credentials: it is shown to whoever asks for health."""
    causes = (error, error.__cause__, error.__context__)
    system = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    if system:
        return f"the server cannot be reached: {system}"
    if type(error) is RedisConnectionError:
        return "the server closed the connection"
    return f"the server cannot be used: {type(error).__name__}"
