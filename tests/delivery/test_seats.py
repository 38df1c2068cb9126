"""So many deliveries of one recipient at a time, and who is next."""

import pytest

from connectors.delivery.assignment import TIER_0
from tests.delivery.seat_room import HIGH, LOW, NORMAL, One, Room, several


def test_a_recipient_has_so_many_seats_and_another_has_its_own() -> None:
    room = Room(most=3)
    room.come(*several(10), *several(2, "bob", 100))
    room.pick()
    assert room.of("ada") == [0, 1, 2]
    assert room.of("bob") == [100, 101]
    assert room.seats.kept == 7


def test_the_seat_of_who_ends_passes_to_who_was_kept_for_longest_not_to_who_comes() -> None:
    room = Room(most=2)
    room.come(*several(4))
    room.pick()
    room.come(One("ada", 50))
    room.end(room.at_work[0])
    room.pick()
    assert room.of("ada") == [1, 2]
    room.end(room.at_work[0])
    room.pick()
    assert room.of("ada") == [2, 3]


def test_a_kept_one_that_was_called_has_its_seat_until_it_is_picked() -> None:
    room = Room(most=1)
    room.come(*several(2))
    room.pick()
    room.end(room.at_work[0])
    assert room.seats.taken("ada") == 1
    assert not room.seats.take("ada", (b"another", NORMAL), 1)
    room.pick()
    assert room.of("ada") == [1]
    assert room.seats.taken("ada") == 1


def test_of_those_kept_the_urgent_ones_come_first_and_the_least_urgent_in_one_of_twenty_one() -> None:
    room = Room(most=1)
    room.come(*several(1))
    room.pick()
    room.come(*several(40, first=100, priority=LOW))
    room.pick()
    room.come(*several(40, first=200, priority=NORMAL), *several(40, first=300, priority=HIGH))
    room.pick()
    served = []
    for _ in range(21):
        room.end(room.at_work[0])
        room.pick()
        served += room.of("ada")
    assert served == [*range(300, 316), *range(200, 204), 100]


def test_only_so_many_of_a_partition_are_kept_whoever_they_are_for() -> None:
    room = Room(most=1, kept_at_most=3)
    room.come(One("ada", 1), One("bob", 2), *several(2, "ada", 10), *several(2, "bob", 20))
    room.pick()
    room.come(One("ada", 30, NORMAL, partition=1), One("ada", 40, HIGH))
    room.pick()
    assert [one.origin for one, _ in room.sent_away] == [21]
    assert room.seats.kept == 5
    room.end(next(one for one in room.at_work if one.who == "bob"))
    room.come(One("ada", 50))
    room.pick()
    assert [one.origin for one, _ in room.sent_away] == [21]


def test_who_was_kept_for_long_is_kept_no_longer_and_the_younger_stay() -> None:
    room = Room(most=1)
    room.come(*several(3))
    room.pick()
    room.now += 5
    room.come(*several(2, first=10))
    room.pick()
    room.overdue(1_000.0)
    assert [one.origin for one, _ in room.sent_away] == [1, 2]
    assert room.seats.kept == 2
    room.end(room.at_work[0])
    room.pick()
    assert room.of("ada") == [10]


def test_so_many_go_at_once_of_those_that_were_kept_for_long() -> None:
    room = Room(most=1)
    room.come(*several(6))
    room.pick()
    room.overdue(room.now, most=2)
    assert [one.origin for one, _ in room.sent_away] == [1, 2]
    assert room.seats.kept == 3
    room.overdue(room.now)
    assert [one.origin for one, _ in room.sent_away] == [1, 2, 3, 4, 5]
    assert room.seats.kept == 0


def test_what_is_urgent_does_not_stand_behind_all_that_was_sent_away_before() -> None:
    room = Room(most=1)
    room.come(*several(2))
    room.pick()
    room.now += 100
    low = [room.seats.turn("ada", 2, room.now, 5.0) for _ in range(2_000)]
    assert low[-1] > 20
    assert room.seats.turn("ada", 0, room.now, 5.0) < 6


def test_of_what_comes_back_from_a_retry_partition_fewer_are_kept() -> None:
    room = Room(most=1)
    back = several(4)
    for one in back:
        one.source = TIER_0
    room.come(*back)
    room.pick()
    assert room.seats.kept == 1
    assert [one.origin for one, _ in room.sent_away] == [2, 3]


@pytest.mark.parametrize(
    ("a_call_s", "apart_s"),
    [(0.002, 0.003 / 5), (20.0, 0.01)],  # three ends, and two that have begun; what is slow may be quick soon
)
def test_turns_are_as_far_apart_as_seats_come_free_but_never_far(a_call_s: float, apart_s: float) -> None:
    room = Room(most=2, kept_at_most=4)
    room.come(*several(6))
    room.pick()
    for _ in range(3):
        room.now += a_call_s / 2
        room.end(room.at_work[0])
        room.pick()
    room.come(*several(600, first=100))
    room.pick()
    waits = [wait for _, wait in room.sent_away]
    late = [wait - 5 - n * apart_s for n, wait in enumerate(waits)]
    assert len(late) == 597
    assert -1e-6 <= min(late) <= max(late) < 0.1
    assert len({round(wait, 6) for wait in waits}) <= 5 + 597 * apart_s / 0.1, "they come back several at a time"


def test_the_pace_is_that_of_the_last_rounds() -> None:
    room = Room(most=2, kept_at_most=1_000)
    room.come(*several(900))
    room.pick()

    def serve(count: int, seconds: float) -> None:
        for _ in range(count):
            room.now += seconds
            room.end(room.at_work[0])
            room.pick()

    def gap() -> float:
        waits = [room.seats.turn("ada", 1, room.now, 0.0) for _ in range(1_000)]
        return (waits[-1] - waits[0]) / 999

    serve(400, 0.001)
    assert gap() == pytest.approx(0.001, rel=0.3)
    serve(40, 0.008)
    assert gap() == pytest.approx(0.006, rel=0.3)


def test_a_seat_that_was_given_to_one_that_left_its_lane_untried_is_free_again() -> None:
    room = Room(most=1)
    room.come(*several(3))
    room.pick()
    room.end(room.at_work[0])
    called = room.lanes.pick()
    assert called is not None
    assert room.seats.forgo("ada", called.lane)
    room.lanes.release(called.lane)
    assert not room.seats.forgo("ada", called.lane)
    room.pick()
    assert room.of("ada") == [2]
    room.end(room.at_work[0])
    assert room.seats.taken("ada") == 0
