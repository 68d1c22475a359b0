"""Requests on their way: each is answered once, by whoever can."""

import json

from arqonbus_reference.shield.requests import MAX_REQUESTS, Request, Requests


def waiting(*ids: str) -> Requests:
    """Requests of these ids, numbered from 1 on."""
    requests = Requests()
    for sequence, request_id in enumerate(ids, 1):
        requests.sent(Request(sequence, request_id, command=False))
    return requests


def reply(request_id: str | None, kind: str = "response") -> bytes:
    """An answer of the bus."""
    return json.dumps({"type": kind} | ({} if request_id is None else {"request_id": request_id})).encode()


def test_an_answer_in_time_is_taken_and_settles_its_request() -> None:
    """Nothing waits afterwards."""
    requests = waiting("a")

    taken = requests.takes(reply("a"))

    assert (taken, len(requests), requests.quiet) == (True, 0, True)


def test_the_answer_to_what_was_given_up_is_nobodys() -> None:
    """Once; after that the id means nothing."""
    requests = waiting("a")
    given_up = requests.give_up()

    taken = [requests.takes(reply("a")), requests.takes(reply("a"))]

    assert [request.request_id for request in given_up] == ["a"]
    assert taken == [False, True]
    assert requests.quiet


def test_a_request_sent_again_takes_the_first_answer() -> None:
    """The one to the request that was given up says the same; the second is dropped."""
    requests = waiting("a")
    requests.give_up()
    requests.sent(Request(2, "a", command=False))

    taken = [requests.takes(reply("a")), requests.takes(reply("a"))]

    assert taken == [True, False]


def test_no_late_answer_is_expected_to_what_never_arrived() -> None:
    """The answer to the second try is taken though the first was given up."""
    requests = waiting("a", "b")
    requests.give_up()
    requests.lost_after(1)
    requests.sent(Request(3, "b", command=False))

    taken = [requests.takes(reply("b")), requests.takes(reply("a"))]

    assert taken == [True, False]
    assert requests.quiet


def test_what_the_bus_did_not_see_is_lost_and_the_rest_waits_on() -> None:
    """In the order sent."""
    requests = waiting("a", "b", "a", "c")

    lost = requests.lost_after(2)

    assert [request.request_id for request in lost] == ["a", "c"]
    assert len(requests) == 2
    assert requests.takes(reply("a"))
    assert len(requests) == 1


def test_a_message_of_another_client_is_no_answer() -> None:
    """Whatever it claims to answer."""
    requests = waiting("a")

    taken = requests.takes(reply("a", "message"))

    assert (taken, len(requests)) == (True, 1)


def test_an_answer_without_an_id_belongs_to_a_frame_without_one() -> None:
    """The oldest of those."""
    requests = waiting("", "a")

    taken = requests.takes(reply(None, "error"))

    assert (taken, len(requests)) == (True, 1)


def test_late_answers_count_towards_the_bound() -> None:
    """A session cannot give up more than it may send."""
    requests = waiting(*map(str, range(MAX_REQUESTS)))

    requests.give_up()

    assert requests.full
    requests.takes(reply("0"))
    assert not requests.full
