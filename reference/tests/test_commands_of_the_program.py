"""The program `arqonbus-reference`: exit codes, output, and what it leaves behind."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from arqonbus_reference.__main__ import main
from program_bench import endpoints, finished, get

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"


def test_help_and_version_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, text on standard output."""
    codes = [main(["--help"]), main(["version"])]

    out = capsys.readouterr().out
    assert codes == [0, 0]
    assert "preflight" in out
    assert re.search(r"^\d+\.\d+\.\d+", out, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["fly"], ["serve", "--speed", "9"], ["preflight", "--env-file"]])
def test_wrong_usage_is_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Said in one line on standard error."""
    code = main(arguments)

    captured = capsys.readouterr()
    assert (code, captured.out) == (64, "")
    assert captured.err.strip()


def test_prod_with_nothing_else_refuses_to_start(start: Callable[..., Any]) -> None:
    """CONF-006, CONF-027: exit 78, one line per problem, each naming its variable."""
    code, out, err = finished(start("serve", ARQONBUS_ENVIRONMENT="prod"))

    lines = err.splitlines()
    assert (code, out) == (78, "")
    assert len(lines) == 6
    assert all(re.match(r"ARQONBUS_[A-Z_]+: .+; allowed: .+", line) for line in lines)


def test_preflight_json_is_one_object(start: Callable[..., Any]) -> None:
    """CONF-019: on standard output, with the same exit code."""
    code, out, err = finished(
        start("preflight", "--json", ARQONBUS_ENVIRONMENT="prod", ARQONBUS_SERVER_PORT="x")
    )

    report = json.loads(out)
    assert (code, err, report["ok"], report["environment"]) == (78, "", False, "prod")
    assert "ARQONBUS_SERVER_PORT" in {problem["variable"] for problem in report["problems"]}


def test_a_refused_secret_is_not_printed(start: Callable[..., Any]) -> None:
    """CONF-014, CONF-028: neither the secret nor a password in a URL."""
    environ = {
        "ARQONBUS_ENABLE_AUTH": "true",
        "ARQONBUS_AUTH_JWT_SECRET": "short-word",
        "ARQONBUS_REDIS_URL": "redis//:pass-word@h",
    }

    code, out, err = finished(start("preflight", **environ))

    assert code == 78
    assert "short-word" not in out + err
    assert "pass-word" not in out + err


def test_another_env_file_can_be_named(start: Callable[..., Any], tmp_path: Path) -> None:
    """CONF-007: one that is there is read, one that is not is a problem."""
    (tmp_path / "other").write_text("ARQONBUS_SERVER_PORT=x\n")

    named = finished(start("preflight", "--env-file", "other"))
    absent = finished(start("preflight", "--env-file", "none"))

    assert (named[0], absent[0]) == (78, 78)
    assert "ARQONBUS_SERVER_PORT" in named[2]
    assert "does not exist" in absent[2]


@pytest.mark.parametrize("module", ["msgspec", "cyclopts", "dotenv", "redis"])
def test_a_shadowed_dependency_is_refused(start: Callable[..., Any], tmp_path: Path, module: str) -> None:
    """PKG-002: even one that the program cannot begin without."""
    shadow = tmp_path / "shadow" / module
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("")

    text = finished(start("preflight", PYTHONPATH=str(shadow.parent)))
    as_json = finished(start("preflight", "--json", PYTHONPATH=str(shadow.parent)))

    assert (text[0], as_json[0]) == (78, 78)
    assert str(shadow) in text[2]
    assert "Traceback" not in text[2]
    assert json.loads(as_json[1])["ok"] is False


def test_importing_the_package_loads_no_test_tool() -> None:
    """Start-up matters, and a deployment must not need them."""
    code = (
        "import sys, arqonbus_reference.server, arqonbus_reference.cli;"
        "print([m for m in ('pytest', 'hypothesis', 'schemathesis', 'testcontainers', 'rich', 'jwt') if m in sys.modules])"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


def valkey_is_gone(place: str) -> bool:
    with socket.socket(socket.AF_UNIX) as visitor:
        return visitor.connect_ex(place.removeprefix("unix://")) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_dev_is_strict_durable_and_leaves_nothing(start: Callable[..., Any], number: signal.Signals) -> None:
    """Free ports, a Valkey of its own; Ctrl-C, a process manager and a closed terminal drain it, and it exits 0."""
    process = start("dev")

    found = endpoints(process)
    health = get(found["http"], "/health")
    process.send_signal(number)
    code, _, err = finished(process)

    assert set(found) == {"said", "bus", "http", "telemetry", "shield", "valkey", "nats"}
    assert not any(address.endswith(":0") for address in found.values())
    assert (health["status"], health["storage"]["mode"], health["storage"]["persistence"]) == (
        "healthy",
        "strict",
        "verified",
    )
    assert (code, err) == (0, "")
    assert valkey_is_gone(found["valkey"])


def test_dev_runs_with_a_long_place_of_temporary_files(start: Callable[..., Any], tmp_path: Path) -> None:
    """The path of a unix socket is bounded: it is moved to a short folder, closed to others and gone at the end."""
    long = tmp_path / ("t" * 100)
    long.mkdir()

    process = start("dev", TMPDIR=str(long))
    found = endpoints(process)
    folder = Path(found["valkey"].removeprefix("unix://")).parent
    mode = folder.stat().st_mode & 0o777
    healthy = get(found["http"], "/health")["status"]
    process.send_signal(signal.SIGTERM)
    code, _, err = finished(process)

    assert (healthy, mode) == ("healthy", 0o700)
    assert (code, err) == (0, "")
    assert not folder.exists()


def test_two_dev_buses_run_side_by_side(start: Callable[..., Any]) -> None:
    """Nothing is raced for."""
    processes = [start("dev") for _ in range(2)]

    found = [endpoints(process) for process in processes]

    assert {found[0]["bus"], found[0]["http"]}.isdisjoint({found[1]["bus"], found[1]["http"]})
    assert [get(each["http"], "/ready")["ready"] for each in found] == [True, True]


def test_dev_killed_takes_its_valkey_along(start: Callable[..., Any]) -> None:
    """The kernel ends the child: no orphan after kill -9."""
    process = start("dev")
    found = endpoints(process)
    place = found["valkey"].removeprefix("unix://")
    with socket.socket(socket.AF_UNIX) as witness:
        witness.settimeout(10)
        witness.connect(place)

        process.kill()

        assert witness.recv(1) == b""


def test_dev_refuses_a_port_in_use(start: Callable[..., Any]) -> None:
    """CONF-023: the address is named, and Valkey goes too."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])

        code, _, err = finished(start("dev", "--http-port", port))

    assert code == 78
    assert port in err
