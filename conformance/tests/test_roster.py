from arqonbus_conformance.roster import CHUNK_CASES, Pause, Roster

OWN = (("o1", "o2"), ("o3",))


def test_a_launched_deployment_belongs_to_whoever_launched_it() -> None:
    """The others run what launches deployments of its own."""
    roster = Roster("ann", shared_main=False)
    roster.fill(["m1", "m2"], ["m2"], OWN)

    assert [roster.next_for(name) for name in ("bob", "ann", "ann", "ann")] == [
        ("o1", "o2"),
        ("m1",),
        ("m2",),
        ("o3",),
    ]
    assert [roster.next_for(name) for name in ("ann", "bob")] == [Pause.DONE, Pause.DONE]


def test_cases_on_a_deployment_that_is_there_run_beside_each_other() -> None:
    """In chunks, in their order."""
    roster = Roster("ann", shared_main=True)
    main = [f"m{number}" for number in range(CHUNK_CASES + 2)]
    roster.fill(main, [], [])

    assert roster.next_for("bob") == tuple(main[:CHUNK_CASES])
    assert roster.next_for("ann") == tuple(main[CHUNK_CASES:])
    assert roster.next_for("ann") is Pause.DONE


def test_nothing_runs_beside_an_exclusive_case() -> None:
    """Those that would have to wait run what launches deployments of its own, and then wait."""
    roster = Roster("ann", shared_main=True)
    roster.fill(["m1", "e1", "e2"], ["e1", "e2"], [("o1",)])

    assert roster.next_for("ann") == ("m1",)
    assert [roster.next_for("bob"), roster.next_for("bob")] == [("o1",), Pause.WAIT]
    assert roster.next_for("ann") == ("e1",)
    assert roster.next_for("bob") is Pause.WAIT
    assert roster.next_for("ann") == ("e2",)
    assert [roster.next_for("bob"), roster.next_for("ann")] == [Pause.DONE, Pause.DONE]


def test_a_member_that_is_lost_stops_nobody() -> None:
    """What it was given is gone; the others go on."""
    roster = Roster("ann", shared_main=True)
    roster.fill(["m1", "e1"], ["e1"], [])
    roster.next_for("ann")

    assert roster.next_for("bob") is Pause.WAIT
    roster.lose("ann")
    assert roster.next_for("bob") == ("e1",)
