"""What Shield refuses to start with: one line per problem, exit code 78, and nothing listens."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime
from arqonbus_fixtures.nats import embedded
from arqonbus_reference import settings as bus
from arqonbus_reference.shield import preflight, settings

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
SPECIFICATION = Path(__file__).parents[3] / "docs" / "spec" / "shield.md"
DEPLOYED = {
    "ARQONBUS_ENVIRONMENT": "prod",
    "SHIELD_HOST": "127.0.0.1",
    "SHIELD_PORT": "4000",
    "JWT_SECRET": SECRET,
}


def refused(environ: dict[str, str]) -> list[str]:
    return [problem.variable for problem in preflight.examine(settings.read(environ, None))]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections while the test runs: bound, not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_a_secret_is_all_that_dev_needs() -> None:
    """The twin of every refusal; NATS is not asked in dev."""
    assert refused({"JWT_SECRET": SECRET}) == []


def test_the_table_holds_the_variables_of_the_specification() -> None:
    """The variables of the page, and those of the bus that hold here too."""
    rows = [line for line in SPECIFICATION.read_text().splitlines() if line.startswith("| `")]
    specified = {name for row in rows for name in re.findall(r"`([A-Z_]{8,})`", row.split("|")[1])}

    own = {variable.name for variable in settings.VARIABLES} - {variable.name for variable in bus.VARIABLES}

    assert own <= specified
    assert specified <= {variable.name for variable in settings.VARIABLES}
    assert {variable.field for variable in settings.VARIABLES} <= set(
        settings.ShieldSettings.__struct_fields__
    )


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("skip", ["", "false", "true"])
def test_tokens_are_validated_everywhere(environment: str, skip: str) -> None:
    """No value of the variable, not even the empty one, and no environment turns validation off."""
    environ = {**DEPLOYED, "ARQONBUS_ENVIRONMENT": environment, "JWT_SKIP_VALIDATION": skip}

    assert "JWT_SKIP_VALIDATION" in refused(environ)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize(
    "secret", [None, "", "0123456789", "arqon-dev-secret", "arqon-dev-secret" * 3, "x" * 40]
)
def test_a_weak_secret_is_refused_everywhere(environment: str, secret: str | None) -> None:
    """Absent, short, well known, or one letter over and over; it is never printed."""
    environ = {"ARQONBUS_ENVIRONMENT": environment} | ({} if secret is None else {"JWT_SECRET": secret})

    problems = preflight.examine(settings.read(environ, None))

    assert "JWT_SECRET" in [problem.variable for problem in problems]
    assert not secret or not any(secret in str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        ("(module", "no WebAssembly"),
        ('(module (memory (export "memory") 1))', "policy_check"),
        ('(module (func (export "policy_check") (param i32 i32) (result i32) i32.const 0))', "memory"),
    ],
)
def test_a_policy_that_cannot_be_loaded_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    """Without its policy Shield would let everything pass."""
    path = tmp_path / "policy.wasm"
    if text is not None:
        path.write_bytes(wasmtime.wat2wasm(text) if text.endswith(")") else text.encode())

    problems = preflight.examine(settings.read({"JWT_SECRET": SECRET, "POLICY_WASM_PATH": str(path)}, None))

    assert [problem.variable for problem in problems] == ["POLICY_WASM_PATH"]
    assert reason in problems[0].problem


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_a_deployment_takes_no_default_for_its_address(environment: str, closed_port: int) -> None:
    """Host and port are said, and NATS answers."""
    environ = {
        "ARQONBUS_ENVIRONMENT": environment,
        "JWT_SECRET": SECRET,
        "NATS_URL": f"nats://user:hidden-word@127.0.0.1:{closed_port}",
    }

    problems = preflight.examine(settings.read(environ, None))

    assert [problem.variable for problem in problems] == ["SHIELD_HOST", "SHIELD_PORT", "NATS_URL"]
    assert not any("hidden-word" in str(problem) for problem in problems)


@pytest.mark.parametrize("name", ["SHIELD_PORT", "SHIELD_MIRROR_SHARE", "NATS_URL", "ARQON_SCHEMA_STRICT"])
def test_a_value_that_is_not_allowed_is_named_once(name: str) -> None:
    """Whatever else follows from it is not said too."""
    assert refused({"JWT_SECRET": SECRET, name: "1.5x"}) == [name]


@pytest.mark.parametrize(("share", "expected"), [("0", 0.0), ("0.25", 0.25), ("1", 1.0), ("1.0", 1.0)])
def test_a_share_is_a_part_of_the_whole(share: str, expected: float) -> None:
    """From 0 to 1, both included; beyond, it is refused."""
    assert settings.read({"SHIELD_MIRROR_SHARE": share}, None).settings.mirror_share == expected
    assert refused({"JWT_SECRET": SECRET, "SHIELD_MIRROR_SHARE": f"{share}9.1"}) == ["SHIELD_MIRROR_SHARE"]


def test_an_exception_is_needed_for_a_loose_schema() -> None:
    """As on the bus."""
    loose = {"JWT_SECRET": SECRET, "ARQON_SCHEMA_STRICT": "false"}

    assert refused(loose) == ["ARQON_SCHEMA_STRICT"]
    assert refused({**loose, "ARQON_SCHEMA_STRICT_EXCEPTION": "RFC-12"}) == []


async def test_a_deployment_starts_with_a_nats_that_answers() -> None:
    """The twin of a NATS that is not there."""
    import asyncio

    nats = await embedded()
    try:
        assert await asyncio.to_thread(refused, {**DEPLOYED, "NATS_URL": nats.url}) == []
    finally:
        await nats.close()


@pytest.mark.parametrize(
    "extra",
    [{}, {"JWT_SECRET": "0123456789"}, {"JWT_SECRET": "arqon-dev-secret"}, {"JWT_SKIP_VALIDATION": ""}],
)
def test_the_program_ends_with_78_before_it_listens(extra: dict[str, str], tmp_path: Path) -> None:
    """The address it would take belongs to somebody else, and it never comes so far as to notice."""
    clean = {name: value for name, value in os.environ.items() if "ARQON" not in name and "JWT" not in name}
    secret = {"JWT_SECRET": SECRET} if "JWT_SKIP_VALIDATION" in extra else {}
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])

        ended = subprocess.run(
            [sys.executable, "-m", "arqonbus_reference", "shield"],
            cwd=tmp_path,
            env={**clean, **secret, **extra, "SHIELD_PORT": port},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 78
    assert line.startswith("JWT_SKIP_VALIDATION: " if "JWT_SKIP_VALIDATION" in extra else "JWT_SECRET: ")
    assert "Traceback" not in ended.stderr
