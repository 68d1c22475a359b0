"""What can be said of a profile without asking anybody else. Pure, but for the files that it names."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cryptography import x509

from arqonbus_conformance.doctor.certificates import expiry_check
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.route import Route
from arqonbus_conformance.target import Target
from arqonbus_conformance.token_check import token_field, token_problems

__all__ = ["field_checks", "ready_token_checks", "trust_checks"]

ALL_FIELDS = "correct the field; docs/profiles.md lists them all"
"""What to do about a field that is not valid."""


def field_checks(problems: Sequence[str]) -> Iterator[Check]:
    """One check for each problem that the parser found; one that is well where it found none."""
    for said in problems:
        field, _, detail = said.partition(": ")
        if not detail:
            yield problem("profile", "fields", said, ALL_FIELDS, Blame.PROFILE)
        elif " is not set" in detail and _names_a_variable(field):
            step = "set it in the environment, or in a file .env beside the profile"
            yield problem(field, "variable", detail, step, Blame.PROFILE)
        else:
            yield problem(field, "field", detail, ALL_FIELDS, Blame.PROFILE)
    if not problems:
        yield ok("profile", "fields", "every field is allowed, and every variable that is named is set")


def _names_a_variable(field: str) -> bool:
    return field.endswith("_env") or field.startswith("credentials.token_env.")


def ready_token_checks(target: Target) -> Iterator[Check]:
    """Whether ready-made tokens are in time and of the right tenants, before anybody sees them."""
    tokens = target.credentials.tokens
    problems = token_problems(tokens, time.time())
    for said in problems:
        field, _, detail = said.partition(": ")
        step = "make a new token, and look at the clock of this machine"
        yield problem(field, "token", detail, step, Blame.PROFILE)
    named = {said.partition(": ")[0] for said in problems}
    for tenant, admin in sorted(tokens):
        field = token_field(tenant, admin=admin)
        if field not in named:
            yield ok(field, "token", "it can be read, is in time and of the role that it is named for")


def trust_checks(target: Target, route: Route) -> Iterator[Check]:
    """Whether the files of ``[tls]`` can be used, and how long the client certificate is valid."""
    reach = target.reach
    if reach.ca is None and reach.client_certificate is None:
        yield skipped("tls", "files", "none is named; whom the system trusts is trusted")
        return
    try:
        route.tls()
    except Unreachable as fault:
        step = "put the file there, or correct its name; it is relative to the profile"
        yield problem("tls", "files", str(fault), step, Blame.TARGET)
        return
    yield ok("tls", "files", "they can be read and used")
    if reach.client_certificate is not None:
        shown = x509.load_pem_x509_certificates(reach.client_certificate.read_bytes())
        yield expiry_check("tls.client_certificate", "client certificate", shown, datetime.now(UTC))
