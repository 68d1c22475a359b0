"""The grammar of names, as a constraint on command arguments."""

from typing import Annotated

import msgspec

from arqonbus_reference.grammar import NAME_RULE

NAME_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$(?!\n)"
"""`$` alone would also match before a trailing line feed; the look-ahead forbids that, in JSON schema's dialect too."""

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, description=NAME_RULE)]
