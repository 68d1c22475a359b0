"""The grammars of ids, names and timestamps (docs/spec/envelope.md)."""

import re
from functools import lru_cache

from arqonbus_reference.timestamps import parse_rfc3339

NAME_RULE = "1-128 of A-Z a-z 0-9 _ . - not starting with a dot"
ID_RULE = "arq_<digits>_<digits>_<6 hex> or arq_ and a ULID"

_ID = re.compile(r"arq_(?:[0-9]{1,20}_[0-9]{1,20}_[0-9a-f]{6}|[0-7][0-9A-HJKMNP-TV-Z]{25})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}", re.ASCII)


def is_id(text: str) -> bool:
    """True for a message id: of the counted form or of the ULID form."""
    return _ID.fullmatch(text) is not None


@lru_cache(maxsize=8192)
def is_name(text: str) -> bool:
    """True for the name of a room, channel, client or group."""
    return _NAME.fullmatch(text) is not None


@lru_cache(maxsize=8192)
def is_timestamp(text: str) -> bool:
    """True for an RFC 3339 date-time with zone."""
    try:
        parse_rfc3339(text)
    except ValueError:
        return False
    return True
