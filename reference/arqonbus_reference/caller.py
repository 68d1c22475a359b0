"""Who asks: the connection and the principal behind it."""

from typing import NamedTuple

from arqonbus_reference.access import Principal


class Caller(NamedTuple):
    """One client connection and what its token said."""

    client_id: str
    principal: Principal
