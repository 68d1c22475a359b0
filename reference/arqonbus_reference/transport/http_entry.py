"""The door of the monitoring interfaces: who may ask, and which browser origin is told so."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from arqonbus_reference.access import ANONYMOUS, Authenticator, Principal, RejectedError
from arqonbus_reference.transport.deployment_view import DeploymentView
from arqonbus_reference.transport.http_bodies import ErrorBody


class HttpError(Exception):
    """An answer other than success; `details` is for whoever asked and holds nothing internal."""

    def __init__(self, status: int, error: str, details: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(details)
        self.status = status
        self.headers = headers or {}
        self.body = msgspec.json.encode(ErrorBody(error, details))


class Door(NamedTuple):
    """Lets administrators in (HTTP-013, TEL-008), and everybody where authentication is off, which only dev may have."""

    view: DeploymentView
    interface: str

    def enter(self, authorizations: Sequence[str]) -> Principal:
        """The principal of the Authorization headers.

        Raises:
            HttpError: 401 without a good token, 403 for others than administrators.
        """
        authenticator = self.view.authenticator
        if authenticator is None and self.view.settings.environment == "dev":
            return ANONYMOUS
        return administrator(authenticator, authorizations, self._refused)

    def _refused(self, details: str) -> None:
        self.view.metrics.auth_rejected += 1
        self.view.telemetry.emit("auth.rejected", "warning", interface=self.interface, details=details)


def administrator(
    authenticator: Authenticator | None, authorizations: Sequence[str], refused: Callable[[str], None]
) -> Principal:
    """The administrator that the Authorization headers name; without an authenticator there is none.

    Raises:
        HttpError: 401 without a good token, which `refused` is told of, 403 for others than administrators.
    """
    try:
        if authenticator is None:
            raise RejectedError("rejected")  # noqa: TRY301 - never open by accident outside dev
        principal = authenticator.authenticate(authorizations)
    except RejectedError as refusal:
        refused(refusal.details)
        challenge = {"WWW-Authenticate": "Bearer"}
        raise HttpError(401, "unauthorized", refusal.details, challenge) from None
    if not principal.admin:
        raise HttpError(403, "forbidden", "administrators only")
    return principal
