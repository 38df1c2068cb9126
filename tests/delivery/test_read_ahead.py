"""How far the retry topics are read: what is due first, within one budget, and nobody starves."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.delivery.read_ahead import AT_ONCE, SOON_MS, WHILE_MS, Bounds, Place, ReadAhead, Unread
from connectors.delivery.tracker import Tracker

HOUR = 3_600_000
STEP_MS = 100
AT_A_TIME = 20
"""What the consumer hands over at once."""


@given(st.lists(st.integers(0, 5_000), max_size=60), st.lists(st.integers(-1, 60), max_size=10))
def test_when_the_first_unread_one_is_due_is_known_to_the_second(dues: list[int], reads: list[int]) -> None:
    unread = Unread()
    for offset, due in enumerate(dues):
        unread.add(offset, due)
    for upto in [-1, *sorted(reads)]:
        unread.read(upto)
        left = dues[upto + 1 :]
        assert (unread.soonest is None) == (not left)
        if unread.soonest is not None:
            assert unread.soonest <= min(left) < unread.soonest + 1_000


def test_what_comes_while_one_is_read_is_known_too() -> None:
    unread = Unread()
    for offset in range(1_000):
        unread.add(offset, offset * 2_000)
        unread.read(offset - 2)
    assert unread.soonest == 998 * 2_000
    assert len(unread._dues) < 10


def test_a_million_that_wait_are_at_most_16_bytes_each_and_less_when_they_are_due_together() -> None:
    far, together = Unread(), Unread()
    for offset in range(100_000):
        far.add(offset, offset * 1_000)
        together.add(offset, offset)
    assert len(far._dues) * far._dues.itemsize + len(far._offsets) * far._offsets.itemsize <= 1_600_000
    assert len(together._dues) == 100


@dataclass
class Shelf:
    """Retry partitions as Kafka keeps them, and a sender that finishes what is due as soon as it was read.

    `late`: of each that ended, by how many ms.
    """

    dues: dict[Place, list[int]]
    bounds: Bounds
    now: int = 0
    late: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    most: int = 0

    def __post_init__(self) -> None:
        self.trackers = {place: Tracker(0) for place in self.dues}
        self.ahead = ReadAhead(self.trackers, self.bounds)
        self.waiting: list[tuple[int, Place, int]] = []
        self.turns = list(self.dues)
        self.left = {place: deque(enumerate(dues)) for place, dues in self.dues.items()}
        for place, dues in self.dues.items():
            for offset, due in enumerate(dues):
                self.ahead.expect(place, due, offset)

    @property
    def open(self) -> list[Place]:
        return [place for place in self.dues if place not in self.ahead.closed]

    def step(self) -> None:
        """The consumer hands over a few of what is open, in turn; time goes on; what is due ends."""
        for _ in range(3):
            self.ahead.flow(self.now)
            self._read(AT_A_TIME)
        self.now += STEP_MS
        for each in [each for each in self.waiting if each[0] <= self.now]:
            self.waiting.remove(each)
            due, place, offset = each
            self.ahead.waiting -= 1
            self.trackers[place].complete(offset)
            self.ahead.ended(1)
            self.late.append(self.now - due)
            self.order.append(due)

    def _read(self, count: int) -> None:
        while count:
            place = next((each for each in self.turns if each not in self.ahead.closed and self.left[each]), None)
            if place is None:
                return
            self.turns.remove(place)
            self.turns.append(place)
            offset, due = self.left[place].popleft()
            assert self.trackers[place].take(offset)
            self.ahead.read(place, offset, 1)
            self.ahead.waiting += 1
            self.waiting.append((due, place, offset))
            count -= 1
            self.most = max(self.most, self.ahead.held)

    def run(self) -> None:
        """Until all has ended; fails when it takes far longer than what waits."""
        last = max((due for dues in self.dues.values() for due in dues), default=0)
        while any(self.left.values()) or self.waiting:
            self.step()
            assert self.now < last + 120_000, "some were never read"


DUES = st.lists(st.integers(0, 30_000), max_size=40)
SHELVES = st.dictionaries(st.tuples(st.integers(3, 5), st.integers(0, 3)), DUES, max_size=8)


@given(SHELVES)
def test_with_room_each_is_read_before_it_is_due_in_whatever_order_they_lie(dues: dict[Place, list[int]]) -> None:
    shelf = Shelf(dues, Bounds())
    shelf.now = -SOON_MS
    shelf.run()
    assert len(shelf.late) == sum(map(len, dues.values()))
    assert all(0 <= each < 1_000 for each in shelf.late)


@settings(deadline=None)
@given(SHELVES, st.integers(1, 8))
def test_with_hardly_any_room_all_are_read_in_the_end_and_none_early(dues: dict[Place, list[int]], room: int) -> None:
    shelf = Shelf(dues, Bounds(read_ahead=room))
    shelf.run()
    assert len(shelf.late) == sum(map(len, dues.values()))
    assert all(each >= 0 for each in shelf.late)


def test_what_is_due_is_read_within_the_budget_however_much_there_is() -> None:
    dues = {(source, number): list(range(500)) for source in range(3, 9) for number in range(16)}
    shelf = Shelf(dues, Bounds(read_ahead=400))
    shelf.run()
    assert len(shelf.late) == 48_000
    assert shelf.most < 400 + AT_A_TIME


def test_what_is_not_due_soon_is_not_read() -> None:
    dues = {(3, 0): [HOUR] * 1_000, (3, 1): [20_000, *[HOUR] * 1_000], (3, 2): list[int]()}
    shelf = Shelf(dues, Bounds())
    shelf.step()
    assert shelf.open == [(3, 2)]
    while shelf.now < 60_000:
        shelf.step()
    assert shelf.late == [0]
    assert shelf.ahead.held <= AT_A_TIME * 3


def test_one_that_is_due_behind_many_that_are_not_is_come_to_though_they_use_up_the_budget() -> None:
    dues = {(3, number): [*[HOUR] * 200, 4_000] for number in range(4)}
    shelf = Shelf(dues, Bounds(read_ahead=100))
    while shelf.now < 30_000:
        shelf.step()
    assert shelf.order == [4_000] * 4
    assert max(shelf.late) <= 1_000


def test_while_there_is_more_due_work_than_fits_nothing_is_read_on() -> None:
    trackers = {(3, 0): Tracker(0), (3, 1): Tracker(0)}
    ahead = ReadAhead(trackers, Bounds(read_ahead=10))
    ahead.expect((3, 1), 0, 0)
    for offset in range(10):
        ahead.read((3, 0), offset, 1)  # released at once: none of them waits
    assert ahead.flow(0) == ([(3, 0), (3, 1)], [])
    for _ in range(4):
        ahead.ended(1)
    assert ahead.flow(1_000) == ([], [])
    ahead.ended(1)
    assert ahead.flow(2_000) == ([], [(3, 0), (3, 1)])


def test_of_more_than_can_be_open_those_that_are_due_first_are_and_all_have_their_turn() -> None:
    behind = [30_000] * 30
    dues = {(3, number): [number * 100, *behind] for number in range(AT_ONCE + 50)}
    shelf = Shelf(dues, Bounds(read_ahead=100_000))
    shelf.now = 40_000
    shelf.ahead.flow(shelf.now)
    assert shelf.open == [(3, number) for number in range(AT_ONCE)]
    shelf.run()
    first = [at for at, due in enumerate(shelf.order) if due < 30_000]
    assert max(first) < len(shelf.order) / 2


def test_nothing_is_looked_at_until_something_moves_or_is_due_soon() -> None:
    trackers = {(3, 0): Tracker(0)}
    ahead = ReadAhead(trackers, Bounds())
    ahead.expect((3, 0), 60_000, 0)
    assert ahead.flow(0) == ([(3, 0)], [])
    assert not ahead._is_worth_a_look(60_000 - SOON_MS - 1)
    assert ahead.flow(60_000 - SOON_MS) == ([], [(3, 0)])
    ahead.read((3, 0), 0, 1)
    ahead.expect((3, 0), 60_000 + WHILE_MS, 1)
    assert not ahead._is_worth_a_look(60_000 - SOON_MS + 19)  # a burst costs a look now and then, not one a record
    assert ahead._is_worth_a_look(60_000 - SOON_MS + 20)


def test_a_record_of_which_kafka_cannot_tell_where_it_is_is_read_in_time() -> None:
    """A leader that died may have written it, and its successor only knows that it has it."""
    for first, known in ((0, [0]), (7, [])):
        ahead = ReadAhead({(3, 0): Tracker(first)}, Bounds())
        for offset in known:
            ahead.expect((3, 0), 5 * HOUR, offset)
        ahead.expect((3, 0), HOUR, None)
        assert ahead.flow(0) == ([(3, 0)], [])
        assert ahead.flow(HOUR) == ([], [(3, 0)])
        for offset in (*known, first + len(known)):
            assert ahead._unread[3, 0].soonest == HOUR
            ahead.read((3, 0), offset, 1)
        assert ahead._unread[3, 0].soonest is None


def test_a_clock_that_was_set_back_leaves_nothing_closed_for_ever() -> None:
    ahead = ReadAhead({(3, 0): Tracker(0)}, Bounds())
    ahead.expect((3, 0), 5 * HOUR, 0)
    assert ahead.flow(4 * HOUR) == ([(3, 0)], [])
    ahead.expect((3, 0), HOUR, 1)
    assert ahead.flow(HOUR) == ([], [(3, 0)])
