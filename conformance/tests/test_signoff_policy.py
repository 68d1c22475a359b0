import pytest
from arqonbus_conformance.signoff.policy import Policy, PolicyError, TargetPolicy, parse_policy, stricter

WHOLE = """
level = "full"
scope = "deployment"
max_age_hours = 24
requirement_set = "1.0"
waivers = 2
mutation_score = 0.95
criteria = ["no-auth-bypass", "all-suites"]
claims = ["auth"]

[target]
name = "staging"
version = "2.4.1"
commit = "8c1f0d2"
package_digest = "abababababababababababababababababababababababababababababababab"
tls_key_sha256 = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
"""


def test_every_field_of_a_policy_is_read() -> None:
    """Into a value that says what is demanded."""
    target = TargetPolicy("staging", "2.4.1", "8c1f0d2", "ab" * 32, "cd" * 32)

    policy = parse_policy(WHOLE)

    assert policy == Policy(
        "full", "deployment", 24, "1.0", 2, 0.95, ("no-auth-bypass", "all-suites"), ("auth",), target
    )


def test_what_a_policy_leaves_out_is_as_without_one() -> None:
    """An empty one demands what no policy does."""
    assert parse_policy("") == Policy()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('level = "deep"', "level: 'deep' is not allowed; allowed: smoke, standard, full"),
        ('scope = "moon"', "scope: 'moon' is not allowed; allowed: endpoint, deployment"),
        ("max_age_hours = -1", "max_age_hours: -1 is not allowed"),
        ("max_age_hours = nan", "max_age_hours: nan is not allowed"),
        ("max_age_hours = true", "max_age_hours: True is not allowed"),
        ("requirement_set = 1.0", "requirement_set: 1.0 is not allowed; allowed: a revision"),
        ("waivers = 1.0", "waivers: 1.0 is not allowed"),
        ("mutation_score = 95", "mutation_score: 95 is not allowed; allowed: a number from 0 to 1"),
        ('criteria = ["speed"]', "criteria: ['speed'] is not allowed"),
        ('claims = "auth"', "claims: 'auth' is not allowed"),
        ("max_age = 1", "max_age: there is no such field"),
        ('[target]\nnane = "x"', "target.nane: there is no such field"),
        ('[target]\npackage_digest = "AB"', "target.package_digest: 'AB' is not allowed"),
        ("target = 1", "target: 1 is not allowed; allowed: a table"),
        ("level =", "it is not TOML"),
    ],
)
def test_a_policy_is_read_strictly(text: str, says: str) -> None:
    """A field that is misspelt must not be one that is not demanded."""
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)

    assert says in str(refused.value)


def test_all_problems_of_a_policy_are_said_at_once() -> None:
    """One sentence each."""
    with pytest.raises(PolicyError) as refused:
        parse_policy('level = "deep"\nmoon = 1\n[target]\nname = ""\n')

    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(("level", "demanded"), [("smoke", "standard"), ("full", "full"), (None, "standard")])
def test_a_command_line_only_raises_the_level(level: str | None, demanded: str) -> None:
    """What a policy demands stays demanded."""
    assert stricter(Policy(), level, None).level == demanded


def test_a_command_line_names_the_target_where_the_policy_does_not() -> None:
    """And does not replace the one of the policy."""
    assert stricter(Policy(), None, "staging").target.name == "staging"
    assert stricter(Policy(target=TargetPolicy("prod")), None, "staging").target.name == "prod"
