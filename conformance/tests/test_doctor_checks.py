"""The pure parts of `arqonbus-gate doctor`."""

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from arqonbus_conformance.doctor.certificates import expiry_check
from arqonbus_conformance.doctor.check import Blame, exit_code_of, note, ok, problem
from arqonbus_conformance.doctor.claims import claim_checks, shield_claim_check
from arqonbus_conformance.doctor.clock import Reading, clock_check, date_of, skew_seconds, timestamp_of
from arqonbus_conformance.verdict import ExitCode
from cryptography import x509

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reading", "skew"),
    [
        (Reading(said=100.5, before=100.0, after=101.0), 0.0),
        (Reading(said=108.0, before=100.0, after=101.0), 7.0),
        (Reading(said=93.0, before=100.0, after=101.0), -7.0),
        (Reading(said=99.0, before=99.9, after=99.95, coarse=1.0), 0.0),
        (Reading(said=92.0, before=100.0, after=101.0, coarse=1.0), -7.0),
    ],
)
def test_only_what_the_journey_cannot_explain_is_skew(reading: Reading, skew: float) -> None:
    """A slow answer and a time without parts of a second accuse nobody."""
    assert skew_seconds(reading) == pytest.approx(skew)


@pytest.mark.parametrize(
    ("said", "state"), [(105.0, "ok"), (105.1, "problem"), (95.0, "ok"), (94.9, "problem")]
)
def test_the_bound_of_the_clock_is_five_seconds(said: float, state: str) -> None:
    """To either side."""
    assert clock_check("endpoints.bus", "welcome", Reading(said, 100.0, 100.0)).state == state


def test_a_time_that_cannot_be_read_is_skipped() -> None:
    """It is no proof of anything."""
    assert date_of("Fri, 01 May 2026 00:00:00 GMT") == NOW.timestamp()
    assert timestamp_of("2026-05-01T00:00:00Z") == NOW.timestamp()
    assert [date_of(None), date_of("soon"), timestamp_of(3), timestamp_of("2026-05-01T00:00:00")] == [
        None
    ] * 4
    assert clock_check("endpoints.http", "Date header", None).state == "skipped"


def certificate(starts: datetime, ends: datetime) -> x509.Certificate:
    """One that is valid from one time to another."""
    made = trustme.CA().issue_cert("localhost", not_before=starts, not_after=ends)
    return x509.load_pem_x509_certificate(made.cert_chain_pems[0].bytes())


@pytest.mark.parametrize(
    ("starts", "ends", "state"),
    [(-9, 15, "ok"), (-9, 13, "warning"), (-9, -1, "problem"), (1, 99, "problem")],
)
def test_a_certificate_is_warned_of_for_14_days(starts: int, ends: int, state: str) -> None:
    """Days from now: valid for longer, for less, no more, not yet."""
    shown = certificate(NOW + timedelta(days=starts), NOW + timedelta(days=ends))

    found = expiry_check("endpoints.bus", "certificate of localhost:443", [shown], NOW)

    assert found.state == state


def test_claims_are_held_against_the_welcome() -> None:
    """Not offered and auth the other way round are problems; offered and not claimed is a note."""
    offered = {"auth": True, "durable": False, "consumer_groups": True}

    found = {one.about: one.state for one in claim_checks({"auth": False, "durable": True}, offered)}
    silent = [one.state for one in claim_checks({}, {"auth": "yes", "durable": True})]
    unused = [one.state for one in claim_checks({"durable": False}, {**offered, "durable": True})]

    assert found == {"claims.auth": "problem", "claims.durable": "problem", "claims.consumer_groups": "note"}
    assert silent == ["problem", "note", "problem"]
    assert unused == ["note", "note", "note"]


def test_a_fault_of_the_profile_comes_first() -> None:
    """78 before 69 before 0; a note is no fault."""
    well, remark = ok("a", "b", "c"), note("a", "b", "c")
    profile, target = (problem("a", "b", "c", "d", blame) for blame in Blame)

    assert exit_code_of([well, remark]) == ExitCode.PASS
    assert exit_code_of([well, target]) == ExitCode.UNREACHABLE
    assert exit_code_of([target, profile, well]) == ExitCode.PROFILE


@pytest.mark.parametrize(
    ("claims", "address", "state"),
    [
        ({"shield": True}, None, "problem"),
        ({"shield": True}, "wss://edge.example", "ok"),
        ({}, "wss://edge.example", "note"),
        ({"shield": False}, "wss://edge.example", "note"),
        ({}, None, "ok"),
    ],
)
def test_a_shield_that_is_claimed_has_an_address(
    claims: dict[str, bool], address: str | None, state: str
) -> None:
    """No welcome tells of it."""
    assert shield_claim_check(claims, address).state == state
