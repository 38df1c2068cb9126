"""What waits, what is a copy, and when a partition pauses."""

from dataclasses import replace

import pytest

from connectors.delivery.assignment import Assignment
from connectors.delivery.parked import Parked, Waiting
from connectors.delivery.read_ahead import Bounds
from tests.delivery.world import Delivery, Item

LANE = (b"ada", 1)


def item(source: int, offset: int, origin: int | None = None, due: int = 0) -> Item:
    return Item(source, offset, LANE, offset if origin is None else origin, due, 0, Delivery(LANE, offset))


def assignment(bounds: Bounds | None = None, start: int = 0) -> Assignment[Item]:
    return Assignment({(source, 0): start for source in range(5)}, bounds or Bounds())


def taken(owned: Assignment[Item], *items: Item) -> None:
    for each in items:
        assert owned.track(each)
        owned.admit(each)


def test_followers_wait_where_the_next_older_one_waits() -> None:
    parked = Parked()
    parked.put(LANE, 10, Waiting(1, 500))
    parked.put(LANE, 12, Waiting(0, 200))
    assert parked.ahead_of(LANE, 9) is None
    assert parked.ahead_of(LANE, 10) is None
    assert parked.ahead_of(LANE, 11) == Waiting(1, 500)
    assert parked.ahead_of(LANE, 13) == Waiting(0, 200)
    assert parked.ahead_of((b"bob", 1), 13) is None
    parked.end(LANE, 12)
    assert parked.ahead_of(LANE, 13) == Waiting(1, 500)
    parked.end(LANE, 10)
    assert len(parked) == 0


def test_a_retry_enters_its_lane_when_it_is_due_and_never_before() -> None:
    owned = assignment()
    taken(owned, item(1, 0), item(3, 0, origin=0, due=100), item(4, 0, origin=1, due=50))
    owned.trackers[1, 0].take(1)
    assert owned.next_due == 50
    assert owned.release_due(49) == 0
    assert owned.release_due(99) == 1
    assert owned.next_due == 100
    assert owned.release_due(100) == 1
    assert owned.next_due is None


def test_a_retry_waits_while_older_ones_of_its_lane_may_still_come_from_a_rewound_main_topic() -> None:
    owned = assignment()
    taken(owned, item(3, 0, origin=2, due=100))
    assert owned.release_due(100) == 0
    assert owned.next_due == 150
    taken(owned, item(1, 0), item(1, 1), item(1, 2))
    assert owned.release_due(150) == 1


@pytest.mark.parametrize(
    ("waiting", "record", "is_copy"),
    [
        (None, item(1, 0), False),
        (Waiting(0, 9), item(1, 0), True),
        (Waiting(0, 9), item(3, 0, origin=0), False),
        (Waiting(1, 9), item(3, 0, origin=0), True),
        (None, item(3, 0, origin=0), True),
        (None, item(3, 0, origin=-1), False),
    ],
    ids=["only one", "main, parked", "the parked one", "in an earlier tier", "main still has it", "main has ended it"],
)
def test_of_several_copies_one_counts(waiting: Waiting | None, record: Item, is_copy: bool) -> None:
    owned = assignment()
    if waiting:
        owned.parked.put(LANE, 0, waiting)
    assert owned.is_copy(record) is is_copy


def test_a_partition_pauses_at_its_bounds_and_resumes_at_half() -> None:
    owned = assignment(Bounds(unfinished=4, span=100))
    records = [item(1, offset) for offset in range(4)]
    taken(owned, *records)
    assert owned.flow(range(5), 0) == ([(1, 0)], [])
    assert owned.flow(range(5), 0) == ([], [])
    owned.complete(records[0])
    assert owned.flow(range(5), 0) == ([], [])
    owned.complete(records[1])
    assert owned.flow(range(5), 0) == ([], [(1, 0)])
    assert owned.paused == set()


def test_one_stuck_record_pauses_its_partition_at_the_span() -> None:
    owned = assignment(Bounds(unfinished=1_000, span=10, spans=0))
    records = [item(2, offset) for offset in range(10)]
    taken(owned, *records)
    for each in records[1:]:
        owned.complete(each)
    assert owned.flow(range(5), 0) == ([(2, 0)], [])
    owned.complete(records[0])
    assert owned.flow(range(5), 0) == ([], [(2, 0)])


def test_few_partitions_may_span_more_each_so_that_a_flood_behind_a_stuck_record_does_not_stop_one() -> None:
    bounds = Bounds(unfinished=1_000, span=4, spans=20)
    for partitions, reach in ((1, 20), (2, 10), (5, 4), (100, 4)):
        owned: Assignment[Item] = Assignment({(1, number): 0 for number in range(partitions)}, bounds)
        records = [item(1, offset) for offset in range(reach)]
        taken(owned, *records[:-1])
        assert owned.flow((1,), 0) == ([], [])
        taken(owned, records[-1])
        for each in records[1:]:
            owned.complete(each)
        assert owned.flow((1,), 0) == ([(1, 0)], [])


def test_a_reader_pauses_only_what_it_reads() -> None:
    owned = assignment(Bounds(unfinished=1, span=100))
    taken(owned, item(1, 0), item(2, 0))
    assert owned.flow((1,), 0) == ([(1, 0)], [])
    assert owned.flow((0, 3, 4), 0) == ([], [])
    assert owned.flow((2,), 0) == ([(2, 0)], [])


def take(owned: Assignment[Item], partition: int, count: int) -> list[Item]:
    """So many more of a partition of the main topic that is normal."""
    at = owned.trackers[1, partition].next
    made = [replace(item(1, offset), partition=partition) for offset in range(at, at + count)]
    taken(owned, *made)
    return made


def test_when_much_of_a_topic_is_unfinished_each_partition_has_only_its_share_and_always_that() -> None:
    bounds = Bounds(unfinished=100, span=1_000, together=40)
    owned: Assignment[Item] = Assignment({(1, number): 0 for number in range(10)}, bounds)
    firsts = [take(owned, number, 5) for number in range(8)]
    assert owned.flow((1,), 0) == ([(1, number) for number in range(8)], []), "each has more than its 4"
    take(owned, 8, 4)
    assert owned.flow((1,), 0) == ([(1, 8)], [])
    for first in firsts[:4]:
        for each in first:
            owned.complete(each)
    assert owned.flow((1,), 0) == ([], [(1, number) for number in range(4)]), "24 are left: it still is much"
    for each in firsts[4]:
        owned.complete(each)
    assert owned.flow((1,), 0) == ([], [(1, number) for number in range(4, 9)]), "19 are: each may have 100 again"
    assert owned.flow((1,), 0) == ([], [])


def test_what_a_few_partitions_are_full_of_leaves_the_others_as_they_are() -> None:
    bounds = Bounds(unfinished=100, span=1_000, together=40)
    owned: Assignment[Item] = Assignment({(1, number): 0 for number in range(10)}, bounds)
    for number in range(7):
        take(owned, number, 100)
    assert owned.flow((1,), 0) == ([(1, number) for number in range(7)], [])
    take(owned, 7, 4)
    assert owned.flow((1,), 0) == ([], []), "seven count for 5 each, as many as one may that is not full"


def test_a_retry_partition_has_a_bound_of_its_own_because_all_share_the_memory_of_what_is_read_ahead() -> None:
    owned = assignment(Bounds(unfinished=100, retries=3))
    for offset in range(3):
        owned.trackers[3, 0].take(offset)
    assert owned.flow((3, 4), 1) == ([(3, 0)], [])
