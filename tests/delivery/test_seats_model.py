"""Seats under any order of coming, ending, waiting and leaving: never more than there are, and nobody forgotten."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.delivery.seat_room import One, Room


class Machine(RuleBasedStateMachine):
    """Whatever comes, ends, and waits too long: never more than the seats, and nobody is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.room, self.came = Room(most=2, kept_at_most=3), 0
        self.ended: list[One] = []

    @rule(who=st.sampled_from(("ada", "bob")), priority=st.integers(0, 2), partition=st.integers(0, 1))
    def come(self, who: str, priority: int, partition: int) -> None:
        self.room.come(One(who, self.came, priority, partition))
        self.came += 1

    @rule(count=st.integers(1, 6))
    def pick(self, count: int) -> None:
        self.room.pick(count)

    @rule(number=st.integers(0, 9))
    def end(self, number: int) -> None:
        if at_work := self.room.at_work:
            one = at_work[number % len(at_work)]
            self.room.end(one)
            self.ended.append(one)

    @rule(seconds=st.integers(0, 10), kept_for=st.integers(0, 10))
    def time_passes(self, seconds: int, kept_for: int) -> None:
        self.room.now += seconds
        self.room.overdue(self.room.now - kept_for)

    @invariant()
    def no_recipient_has_more_at_work_than_seats(self) -> None:
        for who in ("ada", "bob"):
            assert len(self.room.of(who)) <= self.room.seats.taken(who) <= self.room.most

    @invariant()
    def nobody_waits_longer_than_allowed_and_turns_rise(self) -> None:
        assert all(5 - 1e-6 <= wait <= 5.1 + len(self.room.sent_away) * 0.01 for _, wait in self.room.sent_away)

    @invariant()
    def all_are_somewhere(self) -> None:
        at_work, gone = len(self.room.at_work), len(self.ended) + len(self.room.sent_away)
        queued = sum(len(lane.queue) for lane in self.room.lanes._lanes.values())
        assert self.came == at_work + gone + queued + self.room.seats.kept

    def teardown(self) -> None:
        self.room.pick()
        while self.room.at_work:
            self.end(0)
            self.room.pick()
        assert len(self.ended) + len(self.room.sent_away) == self.came
        assert (self.room.seats.kept, len(self.room.lanes)) == (0, 0)
        assert self.room.seats._rows == {}
        assert self.room.seats._called == set()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
