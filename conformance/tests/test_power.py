from arqonbus_conformance.power import Power, balanced_part, measured, measured_power, most_powerful


def test_every_requirement_that_fits_is_judged_before_any_is_judged_twice() -> None:
    """However cheap the second look would be."""
    power = Power({"cheap": 0.1, "again": 0.1, "dear": 5.0}, {})
    cases = [("cheap", {"A-001"}), ("again", {"A-001"}), ("dear", {"B-001"})]

    assert most_powerful(cases, power, 5.15) == {"cheap", "dear"} or most_powerful(cases, power, 5.15) == {
        "again",
        "dear",
    }
    assert most_powerful(cases, power, 6) == {"cheap", "again", "dear"}


def test_what_adds_most_per_second_comes_first() -> None:
    """A known-bad deployment that is caught counts like a requirement that is judged."""
    power = Power({"a": 2.0, "b": 2.0, "c": 1.0}, {"b": ("mutant-1", "mutant-2")})
    cases = [("a", {"A-001", "A-002"}), ("b", {"A-001"}), ("c", {"A-003"})]

    assert most_powerful(cases, power, 2.5) == {"b"}
    assert most_powerful(cases, power, 3.5) == {"b", "c"}
    assert most_powerful(cases, power, 0.5) == frozenset()


def test_parameters_share_what_was_measured_of_their_function() -> None:
    """And what was never measured is taken to need a second."""
    power = Power({"unit/m::a": 0.5}, {})

    assert power.seconds_of("unit/m::a[x[1]]") == 0.5
    assert power.seconds_of("unit/m::new") == 1.0


def test_parts_take_about_as_long() -> None:
    """The longest groups are dealt out first."""
    power = Power(dict(zip("abcdef", (8, 4, 4, 3, 3, 2), strict=True)), {})

    loads = [sum(map(power.seconds_of, balanced_part(list("abcdef"), power, part, 3))) for part in (1, 2, 3)]

    assert loads == [8.0, 9.0, 7.0]


def test_measuring_keeps_what_was_known() -> None:
    """Means over the cases of a function that held; a case that did not hold says nothing about its seconds."""
    report = {
        "cases": [
            {"id": "unit/m::a[1]", "verdict": "holds", "seconds": 1.0},
            {"id": "unit/m::a[2]", "verdict": "holds", "seconds": 2.0},
            {"id": "unit/m::b", "verdict": "violated", "seconds": 30.0},
        ]
    }

    assert measured(report, Power({"unit/m::b": 0.1}, {"unit/m::b": ("x",)}), (), {"x"}) == {
        "seconds": {"unit/m::a": 1.5, "unit/m::b": 0.1},
        "kills": {"unit/m::b": ["x"]},
        "catchers": {},
    }


NOTHING_RAN: dict[str, list[object]] = {"cases": []}


def test_each_catcher_of_a_mutant_is_known_for_it() -> None:
    """A matrix of every case names all of them, not only the first."""
    mutants = [
        {"id": "x", "by": "unit/m::b[1]", "catchers": ["unit/m::a", "unit/m::b"]},
        {"id": "w", "by": "unit/m::a[2]", "catchers": ["unit/m::a"]},
    ]

    content = measured(NOTHING_RAN, Power({}, {}), mutants, {"w", "x"})

    assert content["kills"] == {"unit/m::a": ["w", "x"], "unit/m::b": ["x"]}
    assert content["catchers"] == {"w": "unit/m::a[2]", "x": "unit/m::b[1]"}


def test_a_mutant_that_is_hunted_again_is_known_by_what_catches_it_now() -> None:
    """A selection adds to what is known of the others; a function that catches nothing any more is not named."""
    before = Power(
        {},
        {"unit/m::a": ("x",), "unit/m::b": ("x", "y")},
        {"x": "unit/m::a[1]", "y": "unit/m::b[1]"},
    )
    again = [{"id": "x", "by": "unit/m::c[1]", "catchers": ["unit/m::c"]}]

    content = measured(NOTHING_RAN, before, again, {"x", "y"})

    assert content["kills"] == {"unit/m::b": ["y"], "unit/m::c": ["x"]}
    assert content["catchers"] == {"x": "unit/m::c[1]", "y": "unit/m::b[1]"}


def test_a_mutant_that_is_gone_is_forgotten() -> None:
    """What catches it is worth nothing any more."""
    before = Power({}, {"unit/m::a": ("gone", "x")}, {"gone": "unit/m::a[1]", "x": "unit/m::a[1]"})

    content = measured(NOTHING_RAN, before, (), {"x"})

    assert content["kills"] == {"unit/m::a": ["x"]}
    assert content["catchers"] == {"x": "unit/m::a[1]"}


def test_the_shipped_measures_are_of_many_cases() -> None:
    """Seconds above none."""
    power = measured_power()

    assert len(power.seconds) > 400
    assert min(power.seconds.values()) >= 0
