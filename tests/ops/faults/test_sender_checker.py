"""The checker of senders: each kind of wrong is planted in good results, and it finds that and nothing else."""

from collections.abc import Callable

import pytest

from ops.faults.lanes import Label
from ops.faults.ledger import Place
from ops.faults.sender.traffic import KINDS, expected_of
from ops.faults.verdict import Findings
from schemas import topics
from tests.ops.faults.sender_outputs import EMAIL, Left, arrival, status

FINE, HELD = 0, 2
NO = next(n for n, kind in enumerate(KINDS[EMAIL]) if kind.word == "no")
POISON = len(KINDS[EMAIL]) - 1
OPTED_OUT = Label(7 * 3, 0)


@pytest.fixture
def left() -> Left:
    """Two inputs of every kind for ten recipients, one of them opted out and one without an address."""
    made = Left()
    for lane in range(30):
        for number in range(len(KINDS[EMAIL])):
            made.send(lane, number)
            made.send(lane, number)
    return made


def label(number: int, nth: int = 0) -> Label:
    """Of lane 0, the nth input of a kind."""
    return Label(0, 2 * number + nth)


def wrong(found: Findings) -> tuple[int, int, int, int]:
    """(lost, duplicated, out of order, unexpected)."""
    return found.lost, found.duplicated, found.out_of_order, found.unexpected


def drop_arrival(left: Left) -> None:
    left.arrivals.remove(arrival(label(FINE), FINE))


def drop_status(left: Left) -> None:
    del left.written[left.at(label(FINE))]


def drop_row(left: Left) -> None:
    del left.rows[arrival(label(FINE), FINE).delivery_id]


def drop_dead_letter(left: Left) -> None:
    at = left.at(label(POISON), topics.DEAD_LETTERS)
    left.dead_rows.discard(f"0-{left.written[at].offset}")
    del left.written[at]


def drop_dead_row(left: Left) -> None:
    left.dead_rows.pop()


def arrive_twice(left: Left) -> None:
    left.arrivals.append(arrival(label(FINE), FINE))


def change_places(left: Left) -> None:
    at = [left.arrivals.index(arrival(label(FINE, nth), FINE)) for nth in (0, 1)]
    left.arrivals[at[0]], left.arrivals[at[1]] = left.arrivals[at[1]], left.arrivals[at[0]]


def end_twice(left: Left) -> None:
    """Each of the two ends is one that it may have."""
    left.written.append(status(label(FINE), FINE, "dead_lettered"))


def tell_of_a_foreign_one(left: Left) -> None:
    left.written.append(status(Label(0, 0), FINE, "sent", notification_id="who"))


def deliver_a_foreign_one(left: Left) -> None:
    left.arrivals.append(arrival(label(FINE), FINE)._replace(notification_id="who"))


def deliver_what_was_never_sent(left: Left) -> None:
    left.arrivals.append(arrival(Label(0, 999), FINE))


def deliver_what_is_not_wanted(left: Left) -> None:
    left.arrivals.append(arrival(OPTED_OUT, FINE))


def deliver_to_another_address(left: Left) -> None:
    at = left.arrivals.index(arrival(label(FINE, 1), FINE))
    left.arrivals.insert(at, left.arrivals[at]._replace(address="fine.person-1@example.com"))


def deliver_the_words_of_another_one(left: Left) -> None:
    at = left.arrivals.index(arrival(label(FINE, 1), FINE))
    left.arrivals.insert(at, left.arrivals[at]._replace(subject="Your order 0000-00000000"))


def keep_another_status(left: Left) -> None:
    left.rows[arrival(label(FINE), FINE).delivery_id] = "retrying"


def tell_another_type(left: Left) -> None:
    left.written.append(status(label(FINE), FINE, "sent", type="order.delayed"))


def change_a_dead_letter(left: Left) -> None:
    at = left.at(label(NO), topics.DEAD_LETTERS)
    left.written.append(left.written[at]._replace(value=b"other bytes"))


def bury_a_good_one(left: Left) -> None:
    left.bury(label(FINE), FINE, left.ledger.places[label(FINE)], "exhausted")


SPOILT: list[tuple[Callable[[Left], None], tuple[int, int, int, int]]] = [
    (drop_arrival, (1, 0, 0, 0)),
    (drop_status, (1, 0, 0, 0)),
    (drop_row, (1, 0, 0, 0)),
    (drop_dead_letter, (1, 0, 0, 0)),
    (drop_dead_row, (1, 0, 0, 0)),
    (arrive_twice, (0, 1, 0, 0)),
    (change_places, (0, 0, 1, 0)),
    (tell_of_a_foreign_one, (0, 0, 0, 1)),
    (deliver_a_foreign_one, (0, 0, 0, 1)),
    (deliver_what_was_never_sent, (0, 0, 0, 1)),
    (deliver_what_is_not_wanted, (0, 0, 0, 1)),
    (deliver_to_another_address, (0, 0, 0, 1)),
    (deliver_the_words_of_another_one, (0, 0, 0, 1)),
    (keep_another_status, (0, 0, 0, 1)),
    (tell_another_type, (0, 0, 0, 1)),
    (change_a_dead_letter, (0, 0, 0, 1)),
    (bury_a_good_one, (0, 0, 0, 1)),
]


def test_good_results_are_good(left: Left) -> None:
    found = left.judged()
    assert wrong(found) == (0, 0, 0, 0), found.examples
    assert found.accepted == 60 * len(KINDS[EMAIL])
    assert found.expected == found.written > 24 * 2 * 4


@pytest.mark.parametrize(("spoil", "must"), SPOILT, ids=lambda each: getattr(each, "__name__", ""))
def test_one_thing_that_is_wrong_is_found_and_nothing_else(
    left: Left, spoil: Callable[[Left], None], must: tuple[int, int, int, int]
) -> None:
    spoil(left)
    found = left.judged()
    assert wrong(found) == must, found.examples
    assert len(found.examples) == 1


def test_two_terminal_statuses_are_found_even_if_each_alone_were_right(left: Left) -> None:
    end_twice(left)
    told = " ".join(left.judged().examples)
    assert "has several terminal statuses: dead_lettered, sent" in told


def test_what_had_ended_must_not_be_told_as_unknown_but_the_other_way_round_it_is_settled(left: Left) -> None:
    left.bury(label(HELD), HELD, left.ledger.places[label(HELD)], "ambiguous")
    left.written.append(status(label(HELD), HELD, "unknown"))
    assert wrong(left.judged()) == (0, 0, 0, 1)
    first = left.at(label(HELD))
    left.written[first], left.written[-1] = left.written[-1], left.written[first]
    assert wrong(left.judged()) == (0, 0, 0, 0)


def test_what_must_not_be_repeated_and_came_twice_is_wrong_unless_the_claims_were_lost(left: Left) -> None:
    left.arrivals.append(arrival(label(HELD), HELD))
    assert wrong(left.judged()) == (0, 1, 0, 1)
    assert wrong(left.judged(held_may_repeat=True)) == (0, 1, 0, 0)


def test_a_held_one_that_is_unknown_needs_its_dead_letter() -> None:
    left = Left()
    unknown = left.ledger.send(0, HELD, 0)
    left.ledger.confirm(unknown, Place("deliveries.email.high", 0, 0), dead=True)
    left.tell(unknown, HELD, "unknown")
    assert wrong(left.judged()) == (1, 0, 0, 0)


def test_a_held_one_that_is_unknown_need_not_have_come() -> None:
    """A process that died between claim and call leaves it so."""
    left = Left()
    unknown = left.ledger.send(0, HELD, 0)
    left.ledger.confirm(unknown, Place("deliveries.email.high", 0, 0), dead=True)
    assert left.judged().expected == 1
    left.tell(unknown, HELD, "unknown")
    assert left.judged().expected == 0


def test_duplicates_that_the_provider_caused_are_excused_and_no_more(left: Left) -> None:
    arrive_twice(left)
    arrive_twice(left)
    assert [left.judged(unanswered).excused for unanswered in (0, 1, 5)] == [0, 1, 2]


def test_how_it_must_end_is_what_a_person_would_say() -> None:
    ends = {
        (kind.type, kind.word): sorted(expected_of(EMAIL, Label(0, 0), number).ends)
        for number, kind in enumerate(KINDS[EMAIL])
        if not (kind.spoil or kind.expired)
    }
    assert ends == {
        ("order.shipped", ""): ["sent"],
        ("order.delayed", ""): ["sent"],
        ("newsletter.weekly", ""): ["sent", "unknown"],
        ("order.shipped", "busy"): ["sent"],
        ("order.shipped", "no"): ["dead_lettered"],
        ("order.shipped", "never"): ["dead_lettered"],
        ("no.such.type", ""): ["dead_lettered", "unknown"],
    }
    assert expected_of(EMAIL, OPTED_OUT, FINE).ends == {"suppressed"}
    assert expected_of(EMAIL, Label(8 * 3, 0), FINE).ends == {"suppressed"}
