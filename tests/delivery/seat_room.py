"""Lanes and seats as a sender uses them, for tests."""

from dataclasses import dataclass, field

from connectors.delivery.assignment import TIER_0
from connectors.delivery.lanes import Lane, Lanes
from connectors.delivery.seats import Seats

HIGH, NORMAL, LOW = range(3)


@dataclass(eq=False, slots=True)
class One:
    """Number `origin`, a lane of its own."""

    who: str
    origin: int
    priority: int = NORMAL
    partition: int = 0

    lane: Lane = field(init=False)
    source: int = field(init=False)

    def __post_init__(self) -> None:
        self.lane, self.source = (b"%d" % self.origin, self.priority), self.priority


@dataclass
class Room:
    """Lanes and seats as a sender uses them. `most`: seats of a recipient; `kept_at_most`: of a partition."""

    most: int = 2
    kept_at_most: int = 100
    now: float = 1_000.0
    at_work: list[One] = field(default_factory=list)
    sent_away: list[tuple[One, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lanes: Lanes[One] = Lanes()
        self.seats: Seats[One] = Seats(self.lanes, lambda source: self.kept_at_most if source < TIER_0 else 1)

    def come(self, *some: One) -> None:
        for one in some:
            self.lanes.offer(one)

    def pick(self, count: int = 1_000) -> None:
        for _ in range(count):
            one = self.lanes.pick()
            if one is None:
                return
            if self.seats.take(one.who, one.lane, self.most):
                self.at_work.append(one)
            elif not self.seats.keep(one.who, one, self.now):
                self.send_away(one)

    def end(self, one: One) -> None:
        self.at_work.remove(one)
        self.seats.leave(one.who)
        self.lanes.release(one.lane)

    def overdue(self, before: float, most: int = 1_000) -> None:
        for who, one in self.seats.overdue(before, most):
            assert who == one.who
            self.send_away(one)

    def send_away(self, one: One) -> None:
        self.sent_away.append((one, self.seats.turn(one.who, one.lane[1], self.now, 5.0)))
        self.lanes.release(one.lane)

    def of(self, who: str) -> list[int]:
        return [one.origin for one in self.at_work if one.who == who]


def several(count: int, who: str = "ada", first: int = 0, priority: int = NORMAL) -> list[One]:
    return [One(who, number, priority) for number in range(first, first + count)]
