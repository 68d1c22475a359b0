"""`arqonbus-gate doctor` at a bus without TLS: a small one that is not right, a server that is none, and a name that nobody has."""

from collections.abc import Callable
from pathlib import Path

from doctor_runs import examined


def plain(folder: Path, bus: str, rest: str = "") -> Path:
    """A profile of a bus without TLS."""
    profile = folder / "plain.toml"
    profile.write_text(f'name = "plain"\n[endpoints]\nbus = "{bus}"\n{rest}', "utf-8")
    return profile


async def test_a_claim_that_is_not_offered_is_named(bus_beside: Callable[..., str], tmp_path: Path) -> None:
    """And so is the clock: the small bus lives on the first day of 2026."""
    found = await examined(plain(tmp_path, bus_beside(), "[claims]\ndurable = true\nauth = false\n"))

    told = found.problems()
    assert found.code == 78
    assert "does not offer it: its welcome says false" in told["claims.durable", "claim"]
    assert "behind ours by its welcome; allowed: 5 s" in told["endpoints.bus", "clock"]
    assert found.states("claims.auth") == {"claim": "ok"}
    assert found.states("claims.consumer_groups") == {"claim": "note"}
    assert found.states("endpoints.http") == {"answer": "skipped"}


async def test_a_server_that_is_no_bus_is_named(
    bus_beside: Callable[..., str], echo_server: Callable[..., object], tmp_path: Path
) -> None:
    """It grants the upgrade and never greets."""
    found = await examined(plain(tmp_path, bus_beside(echo_server)))

    assert found.code == 69
    assert "no welcome" in found.problems()["endpoints.bus", "welcome"]
    assert found.states("claims") == {"claim": "skipped"}


async def test_a_name_that_nobody_has_is_named(tmp_path: Path) -> None:
    """The step that fails is told, and those behind it are not tried."""
    found = await examined(plain(tmp_path, "ws://nowhere.invalid:9100"))

    assert found.code == 69
    assert found.states("endpoints.bus") == {"name": "problem", "answer": "skipped"}
