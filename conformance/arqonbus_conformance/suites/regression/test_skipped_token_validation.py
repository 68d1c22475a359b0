"""Critical 2, auth fail-open: at the edge, a variable left from a test let everybody in.

JWT_SKIP_VALIDATION was read as a truth value, so that "false" and the empty string behaved in three different ways in three
services. Present at all, it must keep Shield from starting.
"""

from __future__ import annotations

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.suites.conditions import listening
from arqonbus_conformance.suites.edges import starts_when_right


@requirement("SHLD-002")
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("value", ["", "0", "false", "1", "true"], ids=["empty", "0", "false", "1", "true"])
async def test_a_shield_that_would_skip_validation_does_not_start(
    launch_shield: LaunchShield, nats: Nats, environment: str, value: str
) -> None:
    """With any value, the empty one included: exit code 78, the variable named, nothing listening; without it one starts."""
    launched = await launch_shield(
        {"ARQONBUS_ENVIRONMENT": environment, "JWT_SKIP_VALIDATION": value}, nats=nats, wait="exit"
    )

    expect.equal(launched.exit_code, 78, "exit code")
    expect.that("JWT_SKIP_VALIDATION" in launched.output, "the variable is not named", actual=launched.output)
    expect.that(not await listening(launched.port), "something listens")
    await starts_when_right(launch_shield, nats, environment)
