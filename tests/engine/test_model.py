"""The record path under any order of events: deliveries, finishes, failures, rebalances, crashes.

Two members with the real consumer, watermarks, batches and crash marks. Kafka is a model: logs with holes, committed
offsets, an assignment with a generation. Of a process that ended the next one knows what lies in its folder.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from faust.types import TP
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.engine.model import MEMBERS, PARTITIONS, InHand, Kafka, Member

Shares = st.lists(st.sampled_from(MEMBERS), min_size=len(PARTITIONS), max_size=len(PARTITIONS))


class Died(Exception):
    """A record ended the process."""


class Paths(RuleBasedStateMachine):
    """Anything may happen at any time; what is promised holds all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.kafka = Kafka()
        self.members: dict[str, Member] = {}
        self.late: list[tuple[Member, InHand]] = []  # of assignments that are gone, in processes that are not
        self.handed: dict[TP, dict[int, None]] = {tp: {} for tp in PARTITIONS}  # offsets by first hand-over
        self.done: dict[TP, set[int]] = {tp: set() for tp in PARTITIONS}
        self.deaths: Counter[tuple[str, TP, int]] = Counter()
        self.quiet = 0  # rounds of work since members came or went: else little would ever be in hand

    @initialize(shares=Shares)
    def begin(self, shares: list[str]) -> None:
        for name in MEMBERS:
            self.members[name] = self.start(name)
        self.move_on(shares)

    def start(self, name: str) -> Member:
        async def made() -> Member:
            return Member(self.kafka, name, Path(self.folder.name))

        return self.runner.run(made())

    def move_on(self, shares: list[str]) -> None:
        """The group has a new generation, and everybody knows."""
        self.kafka.generation += 1
        self.kafka.owners = dict(zip(PARTITIONS, shares, strict=True))
        for member in self.members.values():
            self.late += [(member, each) for each in member.in_hand]
            member.in_hand.clear()
            self.runner.run(member.gain())

    @rule(count=st.integers(1, 9), hole=st.integers(0, 2), deadly=st.integers(0, 100))
    def write(self, count: int, hole: int, deadly: int) -> None:
        for at, tp in enumerate(PARTITIONS):
            for number in range(count):
                self.kafka.append(tp, 0 if number else hole, number + at * count == deadly)

    @rule(name=st.sampled_from(MEMBERS), size=st.integers(1, 3), times=st.integers(1, 3))
    def deliver(self, name: str, size: int, times: int) -> None:
        """Fetches, and the body of the agent for each of their batches."""
        self.quiet += 1
        for _ in range(times):
            self.members[name].size = size
            died = False
            try:
                self.runner.run(self.handle(self.members[name]))
            except Died:
                died = True
            if died:
                self.kill(name)

    async def handle(self, member: Member) -> None:
        if not member.mine:
            return
        async for tp, message in member.getmany(0.01):
            batch = message.value
            batch.begin()
            offsets = [record.offset for record in batch.records]
            aside = {record.offset for record, _ in batch.set_aside()}
            assert all(self.deaths[member.name, tp, offset] == 2 for offset in aside), "nobody died on it twice"
            left = iter(batch)
            for offset in offsets:
                self.handed[tp][offset] = None
                record = None if offset in aside else next(left)
                assert record is None or record.offset == offset
                if record is not None and record.deadly:
                    self.deaths[member.name, tp, record.offset] += 1
                    raise Died
            assert next(left, None) is None
            member.in_hand.append(InHand(message, tp, offsets))

    @precondition(lambda self: any(member.in_hand for member in self.members.values()))
    @rule(which=st.lists(st.integers(0, 20), min_size=1, max_size=4))
    def finish(self, which: list[int]) -> None:
        """Everything that batches caused is confirmed: any batches, in any order."""
        self.finish_some(which)

    def finish_some(self, which: list[int]) -> None:
        for at in which:
            in_hand = [(member, each) for member in self.members.values() for each in member.in_hand]
            if in_hand:
                member, each = in_hand[at % len(in_hand)]
                member.in_hand.remove(each)
                self.confirm(member, each)
                member.through.update((each.tp, offset) for offset in each.offsets)

    @precondition(lambda self: self.late)
    @rule(at=st.integers(0, 20))
    def finish_late(self, at: int) -> None:
        """The same, when the partition has been given away since."""
        self.confirm(*self.late.pop(at % len(self.late)))

    def confirm(self, member: Member, each: InHand) -> None:
        member.ack(each.message)
        self.done[each.tp].update(each.offsets)

    @rule(name=st.sampled_from(MEMBERS), meanwhile=st.lists(st.integers(0, 20), max_size=2))
    def commit(self, name: str, meanwhile: list[int]) -> None:
        """A commit, and what finishes while it is under way."""
        self.members[name].meanwhile = lambda: self.finish_some(meanwhile)
        self.runner.run(self.members[name].commit())
        self.members[name].meanwhile = lambda: None

    @precondition(lambda self: self.quiet >= 2)
    @rule(what=st.sampled_from(["kill", "rebalance", "expire"]), name=st.sampled_from(MEMBERS), shares=Shares)
    def upset(self, what: str, name: str, shares: list[str]) -> None:
        self.quiet = 0
        if what == "kill":
            self.kill(name)
        elif what == "rebalance":
            self.rebalance(shares)
        else:
            self.expire(name)

    def kill(self, name: str) -> None:
        """kill -9, a fail-stop: gone, and the next one of this name takes its partitions over at once."""
        self.late = [(member, each) for member, each in self.late if member.name != name]
        self.members[name].app.crashes.close()
        self.members[name] = self.start(name)
        self.runner.run(self.members[name].gain())

    def rebalance(self, shares: list[str]) -> None:
        """Planned: what is finished is committed before partitions are given up."""
        for member in self.members.values():
            self.runner.run(member.on_partitions_revoked(set(member.mine)))
            if member.generation == self.kafka.generation:
                self.all_that_is_finished_is_committed(member)
        self.move_on(shares)

    def all_that_is_finished_is_committed(self, member: Member) -> None:
        for tp in member.mine:
            waiting = [record for record in self.kafka.logs[tp] if record.offset >= self.kafka.committed[tp]]
            assert not waiting or (tp, waiting[0].offset) not in member.through, f"{tp}: delivered again, and planned"

    def expire(self, name: str) -> None:
        """The group gives a member's partitions away, and the member does not know yet."""
        self.kafka.generation += 1
        other = next(each for each in MEMBERS if each != name)
        self.kafka.owners = dict.fromkeys(PARTITIONS, other)
        self.late += [(self.members[other], each) for each in self.members[other].in_hand]
        self.members[other].in_hand.clear()
        self.runner.run(self.members[other].gain())

    @invariant()
    def nothing_is_committed_past_an_unfinished_record(self) -> None:
        for tp, committed in self.kafka.committed.items():
            before = {record.offset for record in self.kafka.logs[tp] if record.offset < committed}
            assert before <= self.done[tp], (tp, committed, before - self.done[tp])

    @invariant()
    def records_are_handed_over_for_the_first_time_in_order_and_none_is_skipped(self) -> None:
        for tp, handed in self.handed.items():
            assert list(handed) == [record.offset for record in self.kafka.logs[tp][: len(handed)]]

    def teardown(self) -> None:
        try:
            if self.members:
                self.drain()
        finally:
            self.runner.close()
            self.folder.cleanup()

    def drain(self) -> None:
        self.rebalance([MEMBERS[at % 2] for at in range(len(PARTITIONS))])
        logs = self.kafka.logs.values()
        rounds = 2 + max(map(len, logs)) // 100 + 2 * sum(record.deadly for log in logs for record in log)
        for _ in range(rounds):
            for name in MEMBERS:
                self.deliver(name, 100, 1)
                self.finish_some([0] * len(self.members[name].in_hand))
                self.commit(name, [])
            self.nothing_is_committed_past_an_unfinished_record()
            self.records_are_handed_over_for_the_first_time_in_order_and_none_is_skipped()
        for tp in PARTITIONS:
            assert self.kafka.committed[tp] == self.kafka.end(tp), "drained, and not all of it is committed"


TestPaths = Paths.TestCase
TestPaths.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
