"""Whole runs within limits: behind a proxy, with bounded effects, within a budget; and the list of what a run takes."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection, socket
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, NamedTuple

import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.power import measured_power
from arqonbus_conformance.report.reading import read_report

GREETS = "unit/test_welcome::test_the_first_frame_is_the_welcome"
CONNECT_SECONDS = 5.0
CHUNK_BYTES = 65_536


class Forwarding(ThreadingTCPServer):
    """A proxy that forwards what CONNECT asks for, and notes where to; with ``refusing`` it forwards nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.asked: list[str] = []
        self.refusing = False


class Tunnel(BaseRequestHandler):
    """One connection through the proxy."""

    def handle(self) -> None:
        assert isinstance(self.server, Forwarding)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(CHUNK_BYTES)
        where = head.split()[1].decode()
        self.server.asked.append(f"{head.split()[0].decode()} {where}")
        if self.server.refusing:
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        host, _, port = where.rpartition(":")
        with create_connection((host, int(port)), CONNECT_SECONDS) as beyond:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=carry, args=(beyond, self.request), daemon=True)
            back.start()
            carry(self.request, beyond)


def carry(here: socket, there: socket) -> None:
    """Pass on what comes until nothing comes any more."""
    try:
        while data := here.recv(CHUNK_BYTES):
            there.sendall(data)
    except OSError:  # the other direction has closed both
        return


@pytest.fixture
def proxy() -> Iterator[Forwarding]:
    with Forwarding() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Run(NamedTuple):
    """One finished run."""

    code: int
    report: dict[str, Any]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs the gate on a profile with the endpoint ``bus`` and these lines."""
    monkeypatch.chdir(tmp_path)

    def run(bus: str, lines: str, *options: str) -> Run:
        profile = f'name = "x"\nscope = "endpoint"\n[endpoints]\nbus = "{bus}"\n{lines}'
        Path("profile.toml").write_text(profile, "utf-8")
        with pytest.raises(SystemExit) as ended:
            main(["run", "--target", "profile.toml", "--jobs", "1", "--attempts", "1", *options])
        assert isinstance(ended.value.code, int)
        return Run(ended.value.code, read_report(Path("reports/gate.json")))

    return run


def test_every_connection_goes_through_the_proxy(
    gate: Callable[..., Run],
    bus_beside: Callable[..., str],
    proxy: Forwarding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the bus is judged as it is without one."""
    monkeypatch.setenv("GATE_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
    bus = bus_beside()

    run = gate(bus, '[proxy]\nurl_env = "GATE_PROXY"\n', "-k", GREETS)

    assert run.report["cases"][0]["verdict"] in {"holds", "violated"}
    assert run.report["cases"][0]["observations"] > 0
    assert set(proxy.asked) == {f"CONNECT {bus.removeprefix('ws://')}"}
    assert len(proxy.asked) >= 2


def test_a_proxy_that_refuses_is_named_and_not_gone_round(
    gate: Callable[..., Run],
    bus_beside: Callable[..., str],
    proxy: Forwarding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 69: the target cannot be reached that way."""
    proxy.refusing = True
    monkeypatch.setenv("GATE_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")

    run = gate(bus_beside(), '[proxy]\nurl_env = "GATE_PROXY"\n', "-k", GREETS)

    assert run.code == 69
    assert "proxy" in run.report["sentence"]
    assert proxy.asked


@pytest.mark.parametrize(("allowed", "verdict"), [("read-only", "unverified"), ("own-namespace", "holds")])
def test_a_case_whose_effects_reach_further_than_allowed_is_not_run(
    gate: Callable[..., Run], bus_beside: Callable[..., str], allowed: str, verdict: str
) -> None:
    """It is unverified, with the limit as its reason; within the limit it is run."""
    ping = "unit/test_control_frames::test_a_ping_is_answered_with_its_own_bytes[0]"

    run = gate(bus_beside(), f'[limits]\nblast_radius = ["{allowed}"]\n', "-k", ping)

    (case,) = run.report["cases"]
    assert (case["blast"], case["verdict"]) == ("own-namespace", verdict)
    assert ("limits.blast_radius allows only read-only" in case["reason"]) == (verdict == "unverified")
    assert (run.code == 2) == (verdict == "unverified")


def test_a_budget_takes_what_fits_and_names_the_rest(
    gate: Callable[..., Run], bus_beside: Callable[..., str]
) -> None:
    """By measured seconds, after the 4 s of the start; what is left out is in the report with its seconds."""
    run = gate(bus_beside(), "", "--budget", "4.2s", "--area", "CONN", "--suite", "unit")

    taken = [case["id"] for case in run.report["cases"]]
    left = run.report["selection"]["left_out"]
    assert taken
    assert sum(map(measured_power().seconds_of, taken)) <= 0.2
    assert left
    assert {one["case"] for one in left}.isdisjoint(taken)
    assert all("did not fit into the budget of 4.2 s" in one["reason"] for one in left)
    assert run.report["selection"]["budget_seconds"] == 4.2


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["list", *options])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_list_shows_what_a_run_with_the_same_options_takes(
    gate: Callable[..., Run], bus_beside: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As many cases, and no requirement that such a run would not decide."""
    options = ("--level", "smoke", "--suite", "unit", "--area", "CONN", "-k", "welcome")

    said = listed(capsys, *options)
    run = gate(bus_beside(), "", *options)

    (count,) = re.findall(r"(\d+) cases decide", said)
    assert int(count) == len(run.report["cases"]) > 0
    shown = set(re.findall(r"\b[A-Z]+-\d{3}\b", said))
    assert shown == {line["id"] for line in run.report["requirements"]}


def test_a_list_of_what_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """As a run of it is, and the page is of everything or of nothing."""
    with pytest.raises(SystemExit) as area:
        main(["list", "--area", "NOWHERE"])
    with pytest.raises(SystemExit) as page:
        main(["list", "--markdown", "--level", "smoke"])

    assert area.value.code == page.value.code == 64
    assert "--markdown writes the page of everything" in capsys.readouterr().err
