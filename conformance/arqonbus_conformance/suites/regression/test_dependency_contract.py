"""Critical 3, dependency contract: what a deployment needs at run time was found out by running into it.

A missing dependency showed as a traceback deep inside a handler, a missing Redis as a hang at the first publish, a
misspelt variable as a default. Each of them is now said before anything listens, by one command with one exit code.
"""

import asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import report_of, staging


@requirement("CONF-006", "CONF-019", "CONF-012", "CONF-013", "CONF-015")
@needs("launch")
async def test_everything_that_is_wrong_is_said_at_once(launch: Launch) -> None:
    """Storage, authentication and leftovers of a test profile wrong together: each has its problem in one report."""
    env = {
        **staging(launch),
        "ARQONBUS_STORAGE_MODE": "strict",
        "ARQONBUS_STORAGE_BACKEND": "redis_streams",
        "ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{launch.free_port()}/0",
        "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.3",
        "ARQONBUS_ENABLE_AUTH": "false",
        "JWT_SKIP_VALIDATION": "",
        "ARQONBUS_TELEMETRY_HOST": None,
    }

    finished = await launch.preflight(env=env, args=["--json"])

    named = [problem["variable"] for problem in report_of(finished)["problems"]]
    assert finished.exit_code == 78
    assert {"ARQONBUS_ENABLE_AUTH", "JWT_SKIP_VALIDATION", "ARQONBUS_TELEMETRY_HOST"} <= set(named)
    assert {"ARQONBUS_REDIS_URL", "ARQONBUS_STORAGE_MODE"} & set(named)
    assert len(named) == 4


@requirement("CONF-012", "STORE-001")
@needs("launch")
async def test_a_missing_storage_is_not_a_hang(launch: Launch) -> None:
    """Preflight and start without the storage both end, with 78, in a few times the storage timeout."""
    env = {
        **launch.strict,
        "ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{launch.free_port()}/0",
        "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.2",
    }
    began = asyncio.get_running_loop().time()

    finished, refused = await asyncio.gather(
        launch.preflight(env=env, within=8), launch(env=env, wait="exit", within=8)
    )

    took = asyncio.get_running_loop().time() - began
    assert (finished.exit_code, refused.exit_code) == (78, 78)
    expect.that(took < 8, "a refusal took too long", actual=took)
    expect.that(
        "Traceback" not in finished.stderr + refused.output,
        "a traceback instead of a line",
        actual=refused.output,
    )
    twin = await launch.preflight(env={**env, "ARQONBUS_STORAGE_MODE": "degraded"}, within=8)
    expect.equal(twin.exit_code, 0, "exit code of preflight where the storage may be missing")
