"""The page on profiles says what the gate understands."""

from pathlib import Path

import pytest
from arqonbus_conformance.target import ProfileError, parse_profile

PAGE = (Path(__file__).parents[1] / "profiles.md").read_text("utf-8")


def test_every_field_is_listed() -> None:
    """What the gate says is allowed stands on the page."""
    tables = (
        "endpoints",
        "claims",
        "credentials",
        "credentials.token_env",
        "launch",
        "control",
        "tls",
        "proxy",
        "limits",
    )
    with pytest.raises(ProfileError) as caught:
        parse_profile("x = 1\n" + "".join(f"[{table}]\nx = 1\n" for table in tables), {})

    told = [problem.partition("no such field; allowed: ")[2] for problem in caught.value.problems]
    fields = {field for listing in told if listing for field in listing.split(", ")}
    assert len(fields) > len(tables)
    assert [field for field in sorted(fields) if field not in PAGE] == []
