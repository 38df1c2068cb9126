"""A model of the broker, of crashes and of a provider around the pure part of the sender.

One partition, two priorities, two tiers. What the model checks at every step: at most one delivery of a lane in flight,
the order of a lane, and that nothing unfinished is committed. At the end: everything ended, nothing is left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.lanes import Lane
from connectors.delivery.parked import Waiting
from connectors.delivery.read_ahead import Bounds

SOURCES = (0, 1, 3, 4)
TIERS = (3, 4)
DELAY_MS = (2_000, 60_000)  # shorter and longer than what is opened because it is due soon
ATTEMPTS = 4
READ_AHEAD = 6


class Delivery(NamedTuple):
    """Number `number` of its lane."""

    lane: Lane
    number: int


class Logged(NamedTuple):
    """A record in a topic. `origin` is None in a main topic."""

    delivery: Delivery
    origin: int | None = None
    attempt: int = 0
    due: int = 0


@dataclass(eq=False, slots=True)
class Item:
    """A record at work."""

    source: int
    offset: int
    lane: Lane
    origin: int
    due: int
    attempt: int
    delivery: Delivery
    partition: int = 0
    size: int = 1


@dataclass(eq=False, slots=True)
class Effect:
    """What has to be confirmed before an offset completes: a write to a tier, or only statuses."""

    item: Item
    write: tuple[int, Logged] | None = None
    written: Callable[[int], None] | None = None

    @property
    def target(self) -> int | None:
        return self.write[0] if self.write else None


@dataclass
class World:
    logs: dict[int, list[Logged]] = field(default_factory=lambda: {source: [] for source in range(5)})
    committed: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(5), 0))
    now: int = 1_000
    ended: dict[Delivery, str] = field(default_factory=dict)
    sent: dict[Lane, list[int]] = field(default_factory=dict)
    made: dict[Lane, int] = field(default_factory=dict)
    claims: dict[Delivery, str] = field(default_factory=dict)
    strays: list[tuple[int, Logged]] = field(default_factory=list)
    tries: int = 0

    def __post_init__(self) -> None:
        self.assign()

    def assign(self) -> None:
        """A new assignment: starts from what is committed, parked lanes from a scan."""
        starts = {(source, 0): self.committed[source] for source in range(5)}
        self.assignment: Assignment[Item] = Assignment(starts, Bounds(50, 50, 100, READ_AHEAD, READ_AHEAD))
        for tier in TIERS:
            for offset, logged in enumerate(self.logs[tier][self.committed[tier] :], self.committed[tier]):
                assert logged.origin is not None
                self.assignment.ahead.expect((tier, 0), logged.due, offset)
                known = self.assignment.parked.find(logged.delivery.lane, logged.origin)
                if known is None or known.tier <= tier - TIER_0:
                    self.assignment.parked.put(logged.delivery.lane, logged.origin, Waiting(tier - TIER_0, logged.due))
        self.read = dict(self.committed)
        self.effects: list[Effect] = []
        self.in_flight: list[Item] = []
        self.in_lane: list[Item] = []

    def produce(self, who: int, priority: int) -> None:
        lane = (b"r%d" % who, priority)
        self.made[lane] = self.made.get(lane, 0) + 1
        self.logs[priority].append(Logged(Delivery(lane, self.made[lane])))

    def take(self, source: int, count: int) -> None:
        """What may be read: no partition that is paused."""
        self.assignment.flow(SOURCES, self.now)
        if (source, 0) in self.assignment.paused | self.assignment.ahead.closed:
            return
        for _ in range(count):
            offset = self.read[source]
            if offset >= len(self.logs[source]):
                return
            logged = self.logs[source][offset]
            origin = offset if logged.origin is None else logged.origin
            item = Item(source, offset, logged.delivery.lane, origin, logged.due, logged.attempt, logged.delivery)
            if self.assignment.track(item):
                self.assignment.admit(item)
            self.read[source] = offset + 1

    def later(self, ms: int) -> None:
        self.now += ms
        self.assignment.release_due(self.now)

    def dispatch(self, count: int) -> None:
        for _ in range(count):
            item = self.assignment.lanes.pick()
            if item is None:
                return
            if self.assignment.is_copy(item):
                self.assignment.lanes.release(item.lane)
                self.assignment.complete(item)
            elif waiting := self.assignment.behind(item):
                self.park(item, waiting)
            elif item.delivery in self.claims:
                self.leave(item)
            else:
                assert item.lane not in [other.lane for other in self.in_flight], "two of a lane in flight"
                self.in_flight.append(item)

    def park(self, item: Item, waiting: Waiting) -> None:
        written = self.assignment.park(item, waiting)
        self.assignment.lanes.release(item.lane)
        logged = Logged(item.delivery, item.origin, item.attempt, waiting.due)
        self.effects.append(Effect(item, (TIER_0 + waiting.tier, logged), written))

    def leave(self, item: Item) -> None:
        self.assignment.parked.end(item.lane, item.origin)
        self.assignment.lanes.release(item.lane)
        self.effects.append(Effect(item))

    def outcome(self, number: int, how: str, same_tier: bool) -> None:
        """`how`: sent, dead or later. `same_tier`: Retry-After may ask for any tier."""
        if not self.in_flight:
            return
        item = self.in_flight.pop(number % len(self.in_flight))
        item.attempt += 1
        self.tries += 1
        if how == "later" and item.attempt <= ATTEMPTS:
            if item.attempt == 1:
                self.in_lane.append(item)
            else:
                tier = 0 if same_tier else min(item.attempt - 2, 1)
                self.park(item, Waiting(tier, self.now + DELAY_MS[tier]))
            return
        self.end(item, "dead" if how == "later" else how)

    def end(self, item: Item, how: str) -> None:
        delivery = item.delivery
        self.claims[delivery] = how
        if how == "sent" and delivery not in self.ended:
            done = self.sent.setdefault(item.lane, [])
            assert not done or done[-1] < delivery.number, f"out of order in {item.lane}: {done}, {delivery.number}"
            done.append(delivery.number)
        self.ended.setdefault(delivery, how)
        self.leave(item)

    def again(self) -> None:
        if self.in_lane:
            item = self.in_lane.pop(0)
            self.assignment.lanes.release(item.lane, item)

    def confirm(self, target: int | None, count: int) -> None:
        """Writes to one partition land in their order, those to different ones in any."""
        for effect in self._effects_on(target)[:count]:
            self.effects.remove(effect)
            if effect.write:
                log = self.logs[effect.write[0]]
                log.append(effect.write[1])
                if effect.written:
                    effect.written(len(log) - 1)
            self.assignment.complete(effect.item)

    def commit(self) -> None:
        self.committed = {source: self.assignment.trackers[source, 0].base for source in range(5)}

    def crash(self, landed: tuple[int, int], late: bool) -> None:
        """kill -9. Some unconfirmed writes have reached the log: before the next owner's scan, or `late` after it."""
        writes = [
            effect.write
            for tier, count in zip(TIERS, landed, strict=True)
            for effect in self._effects_on(tier)[:count]
            if effect.write
        ]
        if late:
            self.assign()
            self.strays += writes
        else:
            for tier, logged in writes:
                self.logs[tier].append(logged)
            self.assign()

    def stray_lands(self) -> None:
        if self.strays:
            tier, logged = self.strays.pop(0)
            self.logs[tier].append(logged)

    def forget(self) -> None:
        """The server of the claims lost its memory."""
        self.claims = {}

    def check(self) -> None:
        for source in SOURCES:
            tracker = self.assignment.trackers[source, 0]
            assert self.committed[source] <= tracker.base <= tracker.next == self.read[source]
        ahead = self.assignment.ahead
        assert ahead.held == sum(self.assignment.trackers[tier, 0].unfinished for tier in TIERS)
        assert 0 <= ahead.waiting <= ahead.held

    def drain(self) -> None:
        """Everything goes well from now on: everything must end, and nothing may be left."""
        while self.strays:
            self.stray_lands()
        for _ in range(3_000):
            if all(self.committed[source] == len(self.logs[source]) for source in SOURCES):
                break
            for _turn in self._calm_turn():
                self.check()
        else:
            raise AssertionError(f"did not drain: {self.committed}")
        missing = [Delivery(lane, n) for lane, made in self.made.items() for n in range(1, made + 1)]
        assert [each for each in missing if each not in self.ended] == [], "lost"
        assert len(self.assignment.parked) == 0
        assert len(self.assignment.lanes) == 0

    def _calm_turn(self) -> Iterator[None]:
        for source in SOURCES:
            self.take(source, 5)
        self.later(40_000)
        self.dispatch(4)
        yield
        while self.in_lane:
            self.again()
        while self.in_flight:
            self.outcome(0, "sent", same_tier=False)
        yield
        for target in (None, *TIERS):
            self.confirm(target, 50)
        self.commit()
        yield

    def _effects_on(self, target: int | None) -> list[Effect]:
        return [effect for effect in self.effects if effect.target == target]
