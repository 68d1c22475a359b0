import pytest
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.triage import Kind, Severity, kind_of, severity_of


@pytest.mark.parametrize(
    ("names", "severity", "kind"),
    [
        (("AUTH-004",), Severity.BLOCKER, Kind.CODE),
        (("PKG-001",), Severity.BLOCKER, Kind.DEPENDENCY),
        (("STORE-007",), Severity.CRITICAL, Kind.CODE),
        (("CONF-004",), Severity.CRITICAL, Kind.CONFIG),
        (("CMD-004",), Severity.HIGH, Kind.CODE),
        (("CMD-004", "AUTH-004"), Severity.BLOCKER, Kind.CODE),
    ],
)
def test_a_failure_weighs_what_its_heaviest_requirement_weighs(
    names: tuple[str, ...], severity: Severity, kind: Kind
) -> None:
    """Security blocks; what keeps data or the start safe is critical."""
    judged = requirement_set().of(names)

    assert (severity_of(judged), kind_of(judged)) == (severity, kind)
