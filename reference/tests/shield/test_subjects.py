"""Tenants as tokens of NATS subjects: one each, never shared, always read back."""

import re

import pytest
from arqonbus_reference.shield import subjects
from arqonbus_reference.shield.subjects import SubjectError
from hypothesis import example, given
from hypothesis import strategies as st

TENANTS = st.text(st.characters(), max_size=subjects.MAX_TENANT_CHARACTERS)

AWKWARD = [
    *("a.b", "a b", "a_b", "a-b", "a%2Eb", "*", ">", "", "%", "a\r\nb", "a\0b", "\t", "A", "a", "\u0430"),
    *(
        "\u212b",
        "\u00c5",
        "A\u030a",
        "a.",
        ".a",
        "in.t.b.raw",
        "_INBOX",
        "$SYS",
        "\ud800",
        "\U0001f600",
        "%25",
    ),
]


@given(TENANTS)
@example("")
@example("\ud800")
@example("\r\n\0*>. ")
def test_a_tenant_is_read_back_from_its_token(tenant: str) -> None:
    """So no two tenants share one."""
    assert subjects.tenant(subjects.token(tenant)) == tenant


@given(TENANTS)
def test_a_token_holds_nothing_that_nats_gives_a_meaning(tenant: str) -> None:
    """Neither separator, wildcard, white space nor line end, and it is never empty."""
    assert re.fullmatch(r"[A-Za-z0-9_%-]+", subjects.token(tenant))


@given(st.text(st.sampled_from("ab%024EeFf._"), max_size=12))
def test_a_token_is_the_only_spelling_of_its_tenant(text: str) -> None:
    """What is read as a tenant is written the same again."""
    try:
        found = subjects.tenant(text)
    except SubjectError:
        return

    assert subjects.token(found) == text


def test_awkward_tenants_have_a_token_each() -> None:
    """Dots, spaces, wildcards, line ends, NUL, look-alikes, normal forms and the empty name among them."""
    tokens = {subjects.token(tenant) for tenant in AWKWARD}

    assert len(tokens) == len(AWKWARD)


def test_a_plain_name_is_its_own_token() -> None:
    """Operators find their tenants in a subject."""
    assert subjects.token("acme-corp_7") == "acme-corp_7"


@pytest.mark.parametrize("token", ["", "a.b", "*", ">", "%zz", "%2e", "%61", "%FF", "a%", "%%", "a b", "a\n"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Second spellings included."""
    with pytest.raises(SubjectError, match="allowed"):
        subjects.tenant(token)


def test_a_tenant_too_long_is_refused() -> None:
    """With its length and what is allowed; the longest allowed is accepted."""
    longest = "\U0001f600" * subjects.MAX_TENANT_CHARACTERS

    assert len(subjects.token(longest)) == 12 * subjects.MAX_TENANT_CHARACTERS
    with pytest.raises(SubjectError, match="129 characters; allowed: 128"):
        subjects.token(longest + "x")
