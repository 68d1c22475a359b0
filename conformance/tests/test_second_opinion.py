from pathlib import Path

import pytest
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import read_profile
from arqonbus_conformance.verdict import ExitCode

PROFILE = Path(__file__).parents[2] / "profiles" / "second-opinion.toml"


@pytest.mark.parametrize(
    "keyword",
    ["test_routing_channels", "test_rejections", "test_http_routes", "test_telemetry_socket", "test_tokens"],
)
def test_a_bus_written_from_the_specification_alone_passes(keyword: str) -> None:
    """A sample of what `nox -s second_opinion` judges, each by every case of one module."""
    judge = Judge(read_profile(PROFILE, {}), scope=Scope.ENDPOINT)

    report = run(judge, RunRequest(keyword=keyword))

    assert [failure.case for failure in report.failures] == []
    assert report.exit_code == ExitCode.PASS
