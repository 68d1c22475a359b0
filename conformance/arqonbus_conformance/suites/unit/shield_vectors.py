"""The golden vectors of tokens, as cases of Shield: what is demanded of the bus is demanded of the edge under its own ids."""

from __future__ import annotations

from typing import Any, Final

import pytest
from arqonbus_fixtures.golden import vectors

AT_THE_EDGE: Final = {
    "AUTH-002": "AUTH-012",
    "AUTH-003": "AUTH-013",
    "AUTH-004": "AUTH-014",
    "AUTH-006": "AUTH-016",
}
"""The requirement on Shield that says of tokens what that one says of the bus."""


def shield_vectors(*requirements: str, accepted: bool) -> list[Any]:
    """The vectors of these requirements on Shield that are accepted, or refused, as parameters."""
    return [
        pytest.param(
            vector, id=vector["name"], marks=pytest.mark.requirement(AT_THE_EDGE[vector["requirement"]])
        )
        for vector in vectors("tokens")
        if AT_THE_EDGE.get(vector["requirement"]) in requirements and vector["accepted"] is accepted
    ]
