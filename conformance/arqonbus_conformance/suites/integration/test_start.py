"""Start: where a deployment listens, what it reads, when it is ready, and what it refuses to share or to tell."""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Interfaces, Launch, Valkey
from arqonbus_conformance.findings import NotApplicable, NotOffered, Unanswered, Unfinished
from arqonbus_conformance.plugin import blast, depth, needs, requirement
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.suites.conditions import eventually, health, listening
from arqonbus_conformance.suites.proxy import HeldProxy

DEFAULT_PORTS = [9100, 8081, 8080]  # bus, telemetry, HTTP
SECOND_HOST = "127.0.0.2"
STRICT_IN_DEV = {"ARQONBUS_STORAGE_MODE": "strict", "ARQONBUS_STORAGE_BACKEND": "redis_streams"}


def outward_addresses() -> list[str]:
    """The address of this machine towards others, none where it has no route; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        address: str = probe.getsockname()[0]
        return [address]


@pytest.fixture(scope="module")
def default_addresses() -> list[int]:
    """The default ports; cases that share this take turns, for there is one set of them on a machine."""
    return DEFAULT_PORTS


async def taken() -> list[int]:
    """The default ports on which somebody listens."""
    return [port for port in DEFAULT_PORTS if await listening(port)]


@pytest_asyncio.fixture(loop_scope="session")
async def default_ports(_stage: Stage, default_addresses: list[int]) -> list[int]:
    """The ports of a start without a variable, once nobody on this machine listens there.

    Raises:
        NotApplicable: the target itself runs there.
        Unfinished: somebody still does after the wait.
    """
    own = _stage.target.endpoints
    if own is not None and {urlsplit(url).port for url in own if url} & set(default_addresses):
        raise NotApplicable("the target itself runs on the default ports, so that no other can start there")
    try:
        await eventually("the default ports being free", taken, lambda ports: not ports, within=10)
    except Unanswered as busy:
        raise Unfinished(f"somebody else listens on the default ports of this machine: {busy}") from None
    return default_addresses


@pytest_asyncio.fixture(loop_scope="session")
async def occupied(default_addresses: list[int]) -> AsyncIterator[list[int]]:
    """The default ports, each taken by somebody: by us where nobody else did."""
    with ExitStack() as held:
        for port in default_addresses:
            with suppress(OSError):  # somebody else's already, which is as good
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        await eventually("all default ports being taken", taken, lambda ports: ports == default_addresses)
        yield default_addresses


@pytest.fixture
def hosts() -> dict[str, str]:
    """A loopback address for each interface.

    Raises:
        NotOffered: this machine has only one.
    """
    given = {"SERVER": "127.0.0.1", "TELEMETRY": SECOND_HOST, "HTTP": "127.0.0.3"}
    for host in given.values():
        with socket.socket() as probe:
            try:
                probe.bind((host, 0))
            except OSError as fault:
                raise NotOffered(f"{host} cannot be bound on this machine: {fault}") from None
    return given


def ports_of(interfaces: Interfaces) -> dict[str, int]:
    """The port of each interface, by the word in the names of its variables."""
    endpoints = interfaces.endpoints
    urls = {"SERVER": endpoints.bus, "TELEMETRY": endpoints.telemetry, "HTTP": endpoints.http}
    return {name: urlsplit(url).port or 0 for name, url in urls.items()}


@requirement("CONF-001")
@needs("launch")
@blast("disruptive")
async def test_dev_starts_with_no_variable(launch: Launch, default_ports: list[int]) -> None:
    """With no variable at all it is ready on the default ports, reachable over loopback only."""
    deployment = await launch(bare=True)

    ann = await deployment.bus.connect("ann")
    reader = await deployment.telemetry.connect()
    sight = await health(deployment.http)

    assert (await ann.succeed("ping"))["pong"] is True
    assert reader.hello["event_type"] == "telemetry.hello"
    assert sight["status"] == "healthy"
    elsewhere = [SECOND_HOST, *outward_addresses()]
    assert [(host, port) for host in elsewhere for port in default_ports if await listening(port, host)] == []


@requirement("CONF-001", "CONF-023")
@needs("launch")
@blast("disruptive")
async def test_dev_with_no_variable_wants_the_default_addresses(launch: Launch, occupied: list[int]) -> None:
    """With the default ports taken a start without a variable ends and names one of them: those are the ones it wants."""
    deployment = await launch(bare=True, wait="exit")

    assert deployment.exit_code not in {None, 0}
    named = [port for port in occupied if f"127.0.0.1:{port}" in deployment.output]
    expect.that(bool(named), "no default address is named", expected=occupied, actual=deployment.output)


@requirement("CONF-002")
@needs("launch")
async def test_an_interface_binds_the_host_it_is_given(launch: Launch, hosts: dict[str, str]) -> None:
    """Three interfaces on three addresses: each listens at its own and at neither of the others'."""
    deployment = await launch(env={f"ARQONBUS_{name}_HOST": host for name, host in hosts.items()})

    ports = dict(zip(("SERVER", "HTTP", "TELEMETRY"), deployment.ports, strict=True))
    reached = {
        name: [host for host in hosts.values() if await listening(port, host)] for name, port in ports.items()
    }

    assert reached == {name: [hosts[name]] for name in ports}
    # A wrapper's own sockets are none, and not every system shows them: what is seen must be what was asked for.
    assert listened_on(deployment.pid) <= set(deployment.ports)


def listened_on(pid: int) -> set[int]:
    """The TCP ports that a process listens on, as far as the system shows (/proc)."""
    try:
        sockets = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
        tables = [Path(f"/proc/{pid}/net/{table}").read_text() for table in ("tcp", "tcp6")]
    except OSError:
        return set()
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if f"socket:[{row[9]}]" in sockets and row[3] == "0A"
    }


@requirement("CONF-007")
@needs("launch")
async def test_a_dotenv_file_is_read_and_the_environment_wins(launch: Launch) -> None:
    """Of two settings in .env the one that the environment sets too has the environment's value."""
    deployment = await launch(
        dotenv="ARQONBUS_MAX_HISTORY_SIZE=77\nARQONBUS_MAX_MESSAGE_SIZE=2048\n",
        env={"ARQONBUS_MAX_MESSAGE_SIZE": "4096"},
    )

    ann = await deployment.bus.connect("ann")

    limits = ann.welcome["payload"]["protocol"]["limits"]
    assert (limits["max_history_size"], limits["max_message_size"]) == (77, 4096)


@depth("smoke")
@requirement("CONF-007", "CONF-005")
@needs("launch")
async def test_a_faulty_dotenv_file_is_refused(launch: Launch) -> None:
    """A value in .env is judged like any other; the environment's right value saves the start."""
    dotenv = "ARQONBUS_MAX_HISTORY_SIZE=endless\n"

    refused = await launch(dotenv=dotenv, wait="exit")
    accepted = await launch.preflight(dotenv=dotenv, env={"ARQONBUS_MAX_HISTORY_SIZE": "10"})

    assert refused.exit_code == 78
    assert "ARQONBUS_MAX_HISTORY_SIZE" in refused.output
    assert accepted.exit_code == 0


@requirement("CONF-008")
@needs("launch")
async def test_a_start_refused_late_leaves_nothing_listening(launch: Launch, plain: Interfaces) -> None:
    """Where the last of three addresses is taken, the first two are given up too."""
    taken = str(ports_of(plain)["HTTP"])

    refused = await launch(env={"ARQONBUS_HTTP_PORT": taken}, wait="exit")

    assert refused.exit_code == 78
    assert [port for port in (refused.ports.bus, refused.ports.telemetry) if await listening(port)] == []


@requirement("CONF-020")
@needs("control:valkey")
async def test_not_ready_before_the_dependency_answered(launch: Launch, valkey: Valkey) -> None:
    """While the storage has not answered /ready is not 200; once it is, all listeners accept."""
    async with HeldProxy.before(valkey.url) as proxy:
        deployment = await launch(
            env=STRICT_IN_DEV | {"ARQONBUS_REDIS_URL": proxy.url, "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "20"},
            wait="nothing",
        )
        await proxy.somebody_waits(within=10)
        early = await listening(deployment.ports.http) and (await deployment.http.get("/ready")).status
        proxy.release()
        ready = await eventually(
            "/ready answering 200",
            lambda: deployment.http.get("/ready"),
            lambda answer: answer.status == 200,
            within=10,
        )
        accepting = [await listening(port) for port in deployment.ports]

    assert early in {False, 503}
    assert ready.json() == {"ready": True, "reason": None}
    assert accepting == [True, True, True]


@requirement("CONF-023")
@needs("launch")
@pytest.mark.parametrize("interface", ["SERVER", "TELEMETRY", "HTTP"])
async def test_an_address_in_use_is_not_shared(launch: Launch, plain: Interfaces, interface: str) -> None:
    """The second instance ends, names the address, and the first goes on serving it alone."""
    ann = await plain.bus.connect("ann")
    taken = str(ports_of(plain)[interface])

    second = await launch(env={f"ARQONBUS_{interface}_PORT": taken}, wait="exit")

    assert second.exit_code == 78
    expect.that(taken in second.output, "the address is not named", expected=taken, actual=second.output)
    assert (await ann.succeed("ping"))["pong"] is True
    assert (await plain.http.get("/ready")).status == 200


@requirement("CONF-024")
@needs("control:valkey")
async def test_the_valkey_url_is_an_alias(launch: Launch, valkey: Valkey) -> None:
    """ARQONBUS_VALKEY_URL alone leads to the storage; beside an equal ARQONBUS_REDIS_URL it is accepted."""
    alias = STRICT_IN_DEV | {"ARQONBUS_VALKEY_URL": valkey.url}

    deployment = await launch(env=alias)
    both = await launch.preflight(env=alias | {"ARQONBUS_REDIS_URL": valkey.url})

    assert (await health(deployment.http))["storage"]["durable"] is True
    assert both.exit_code == 0


@depth("smoke")
@requirement("CONF-024")
@needs("launch")
async def test_two_different_urls_are_refused(launch: Launch) -> None:
    """Both set and different: nobody can say which is meant; both the same is no question."""
    urls = {
        "ARQONBUS_REDIS_URL": "redis://127.0.0.1:6379/0",
        "ARQONBUS_VALKEY_URL": "redis://127.0.0.1:6379/1",
    }

    refused = await launch(env=urls, wait="exit")

    assert refused.exit_code == 78
    assert any(name in refused.output for name in urls)
    same = dict.fromkeys(urls, "redis://127.0.0.1:6379/0")
    assert (await launch.preflight(env=same)).exit_code == 0


@requirement("CONF-025")
@needs("launch")
async def test_an_unknown_variable_is_named_in_the_log(launch: Launch) -> None:
    """A typing error starts, and the log names it."""
    deployment = await launch(env={"ARQONBUS_MAX_HISTROY_SIZE": "10"})

    await deployment.terminate()
    await deployment.wait()

    expect.that(
        "ARQONBUS_MAX_HISTROY_SIZE" in deployment.output, "the log does not name it", actual=deployment.output
    )


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(valkey: Valkey) -> tuple[str, str]:
    """A Valkey that wants a password, and that password."""
    password = "p4ssw0rd-of-the-storage"  # noqa: S105 - of this case's own server
    await valkey.command("CONFIG", "SET", "requirepass", password)
    return valkey.url.replace("redis://", f"redis://:{password}@"), password


@requirement("CONF-028", "CONF-005", "HTTP-009")
@needs("control:valkey", "telemetry", "http")
async def test_no_secret_is_written(launch: Launch, guarded: tuple[str, str]) -> None:
    """Through start, traffic, a refused token and a drain, at level debug, neither the output nor /system/config shows a secret."""
    url, password = guarded
    env = {**launch.strict, "ARQONBUS_REDIS_URL": url, "ARQONBUS_LOG_LEVEL": "debug"}
    deployment = await launch(env=env)
    ann = await deployment.bus.connect("ann")
    expect.succeeded(await ann.publish(room="r", channel="c", text="x"))
    bad = f"{deployment.bus.token()}broken"
    await deployment.bus.upgrade(token=bad)
    shown = await deployment.http.get("/system/config")

    await deployment.terminate()
    await deployment.wait()

    secrets = {
        "the signing secret": str(env["ARQONBUS_AUTH_JWT_SECRET"]),
        "the password": password,
        "a token": bad,
    }
    assert deployment.exit_code == 0
    assert [name for name, secret in secrets.items() if secret in deployment.output] == []
    assert (shown.status, "ARQONBUS_REDIS_URL" in shown.json()) == (200, True)
    assert [name for name, secret in secrets.items() if secret in shown.text] == []


@requirement("CONF-028", "CONF-014")
@needs("launch")
async def test_no_secret_is_written_by_a_refusal(launch: Launch) -> None:
    """A refused start prints neither the short secret nor the password of an unreachable storage."""
    secret, password = "too-short-a-secret", "pw-of-nobody"
    env = {
        **launch.strict,
        "ARQONBUS_AUTH_JWT_SECRET": secret,
        "ARQONBUS_REDIS_URL": f"redis://:{password}@127.0.0.1:{launch.free_port()}/0",
        "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.2",
    }

    refused = await launch(env=env, wait="exit")

    assert refused.exit_code == 78
    assert "ARQONBUS_AUTH_JWT_SECRET" in refused.output
    assert [word for word in (secret, password) if word in refused.output] == []
