"""The HTTP interface of a deployment as cases use it."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from arqonbus_conformance.envelopes import read
from arqonbus_conformance.findings import Unanswered, Unreachable, Violation
from arqonbus_conformance.handshake import HeaderMap
from arqonbus_conformance.interface import Interface
from arqonbus_conformance.observing import observed
from arqonbus_conformance.route import plain_reason

__all__ = ["HTTP_SECONDS", "PATHS", "Http", "Response"]

PATHS: Final = (
    "/health",
    "/ready",
    "/status",
    "/metrics",
    "/metrics/prometheus",
    "/storage/stats",
    "/storage/history",
    "/system/info",
    "/system/config",
    "/telemetry/stats",
    "/openapi.json",
)
"""Every path of the specification."""

HTTP_SECONDS: Final = 10.0
"""The longest an answer may take, in seconds."""
BODY_BYTES: Final = 64 * 1024 * 1024
"""The largest body that is read, in bytes."""


class Response(NamedTuple):
    """The answer to one request."""

    status: int
    headers: HeaderMap
    text: str

    def json(self) -> Any:
        """The body as JSON, objects as ``Observed``.

        Raises:
            Violation: it is not JSON.
        """
        try:
            return read(self.text)
        except ValueError as fault:
            raise Violation(
                "the body is not JSON", expected="JSON", actual=f"{self.text[:500]} ({fault})"
            ) from None


class Http(Interface):
    """Requests to one deployment; connections are not reused, so that a restart cannot confuse them."""

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    def authorization(self, token: str | None, tenant: str = "a") -> dict[str, str]:
        """The Authorization header for ``admin``, ``user``, a raw token, or None for none."""
        return self.credentials.bearer_of(token, tenant, self.namespace.prefix)

    async def get(
        self,
        path: str,
        *,
        token: str | None = "admin",  # noqa: S107 - a role, not a secret
        tenant: str = "a",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        params: Mapping[str, object] | None = None,
        body: bytes | None = None,
        within: float = HTTP_SECONDS,
    ) -> Response:
        """The answer to one request; ``path`` goes out as it is, ``params`` are encoded behind it.

        ``token`` is ``admin``, ``user``, None or a raw token; where authentication is off the first two are nothing.

        Raises:
            Unreachable: no connection could be made.
            Unanswered: no whole answer came in time.
        """
        query = "?" + urlencode({name: str(value) for name, value in params.items()}) if params else ""
        target = f"{path}{query}"
        sent = {**self.authorization(token, tenant), **(headers or {})}
        if self.route.reach.proxy is None:  # through a proxy the socket is counted
            await self.route.pace.turn()
        self.transcript.record("http", ">", method, f"{target} {json.dumps(sent)}")
        try:
            async with self._open().request(
                method,
                URL(self.url + target, encoded=True),
                headers=sent,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=within),
            ) as answer:
                text = await answer.text(errors="backslashreplace")
                pairs = list(answer.headers.items())
        except TimeoutError:
            raise Unanswered(f"{method} {target} was not answered within {within:g} s") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as fault:
            reason = _tls_fault(fault)
            raise Unreachable(f"{self.url}: {plain_reason(reason, self.route.reach)}") from fault
        except aiohttp.ClientConnectorError as fault:
            raise Unreachable(f"{self.url}: {fault}") from fault
        except aiohttp.ClientError as fault:
            raise Unanswered(
                f"{method} {target} got no whole answer", actual=f"{type(fault).__name__}: {fault}"
            ) from fault
        self.transcript.record("http", "<", str(answer.status), text)
        observed()
        return Response(answer.status, HeaderMap(pairs), text)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self.route.connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=BODY_BYTES,
            )
        return self._session

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


def _tls_fault(
    fault: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError,
) -> BaseException:
    cause: Exception = (
        fault.certificate_error
        if isinstance(fault, aiohttp.ClientConnectorCertificateError)
        else fault.os_error
    )
    return cause
