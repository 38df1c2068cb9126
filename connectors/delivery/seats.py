"""How many deliveries of one recipient that keep no order are under way, and which of the others is next. Pure.

Such a delivery is a lane of its own, so lanes do not keep them apart: a recipient has so many seats. Who finds none
free is kept; the seat of who ends passes to one that is kept, which goes through its lane once more, by the weights.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from math import ceil
from typing import Generic, Protocol, TypeVar

from connectors.delivery.lanes import WEIGHTS, Lane, Lanes, Queued

_APART_S = 0.01  # turns are no farther apart: one that was slow may be quick by then, and to come back costs little
_TOGETHER_S = 0.1  # turns of so long are one: to come back together costs less
_REMEMBERED = 4  # rounds of all seats that the pace is measured by, at most


class Seated(Queued, Protocol):
    """What can take a seat. Source and partition: where it was read."""

    source: int
    partition: int


S = TypeVar("S", bound=Seated)


class _Row(Generic[S]):
    """The seats of one recipient. `since`, `left`: from when on they were all taken, and how many have ended since."""

    __slots__ = ("credits", "kept", "last_turns", "left", "since", "taken")

    def __init__(self) -> None:
        self.taken = self.left = 0
        self.since: float | None = None
        self.last_turns = [0.0] * len(WEIGHTS)
        self.kept: tuple[deque[tuple[float, S]], ...] = ()  # by priority, with the time since when
        self.credits: list[int] = []

    def keep(self, record: S, now: float) -> None:
        if not self.kept:
            self.kept, self.credits = tuple(deque() for _ in WEIGHTS), list(WEIGHTS)
        self.kept[record.lane[1]].append((now, record))

    def next(self) -> S | None:
        """The one that was kept for longest, of its priority; priorities by weight."""
        for _ in (0, 1):
            for priority, queue in enumerate(self.kept):
                if queue and self.credits[priority]:
                    self.credits[priority] -= 1
                    return queue.popleft()[1]
            self.credits = list(WEIGHTS)
        return None

    def overdue(self, before: float) -> Iterator[S]:
        for queue in self.kept:
            while queue and queue[0][0] <= before:
                yield queue.popleft()[1]

    def apart(self, now: float) -> float:
        """Seconds between two ends, by those since all seats were taken and as if all under way ended now."""
        if self.since is None:
            self.since, self.left = now, 0
        if self.left > self.taken * _REMEMBERED:
            self.since, self.left = (self.since + now) / 2, self.left // 2
        return min(_APART_S, (now - self.since) / (self.left + self.taken))


class Seats(Generic[S]):
    """The seats of all recipients in one assignment. Somebody is kept only while all seats of its recipient are taken.

    `kept`: how many are.
    """

    def __init__(self, lanes: Lanes[S], kept_at_most: Callable[[int], int]) -> None:
        """`kept_at_most`: of one partition of a source, so that its bounds are not filled by them."""
        self._lanes, self._kept_at_most = lanes, kept_at_most
        self._rows: dict[str, _Row[S]] = {}
        self._called: set[Lane] = set()  # they have their seat, and are to be picked
        self._kept: dict[tuple[int, int], int] = {}
        self.kept = 0

    def take(self, who: str, lane: Lane, most: int) -> bool:
        """Whether it has a seat now. `who`: the recipient, `most`: how many it has."""
        if lane in self._called:
            self._called.discard(lane)
            return True
        row = self._rows.get(who)
        if row is None:
            row = self._rows[who] = _Row()
        if row.taken >= most:
            return False
        row.taken += 1
        return True

    def keep(self, who: str, record: S, now: float) -> bool:
        """Until a seat is free; its lane stays busy. False: too many of its partition are kept. `now` in seconds."""
        place = record.source, record.partition
        if self._kept.get(place, 0) >= self._kept_at_most(record.source):
            return False
        self._count(record, 1)
        row = self._rows[who]
        row.keep(record, now)
        row.apart(now)
        return True

    def leave(self, who: str) -> bool:
        """One that had a seat is not under way any more. Whether another one got it, and can be picked."""
        row = self._rows[who]
        row.left += 1
        following = row.next()
        if following is None:
            row.taken, row.since = row.taken - 1, None
            if not row.taken:
                del self._rows[who]
            return False
        self._count(following, -1)
        self._called.add(following.lane)
        self._lanes.release(following.lane, following)
        return True

    def forgo(self, who: str, lane: Lane) -> bool:
        """It has left its lane untried: if it got a seat when one was free, that is free again. As `leave`."""
        if lane not in self._called:
            return False
        self._called.discard(lane)
        return self.leave(who)

    def overdue(self, before: float, most: int) -> list[tuple[str, S]]:
        """So many of those that were kept at that time already, and are not any more."""
        found = list(islice(((who, record) for who, row in self._rows.items() for record in row.overdue(before)), most))
        for _, record in found:
            self._count(record, -1)
        return found

    def turn(self, who: str, priority: int, now: float, at_least: float) -> float:
        """Seconds until there may be a seat for one that cannot be kept: turns are as far apart as seats come free.

        Each priority has a line of its own: what is urgent does not stand behind all that was sent away before.
        """
        row = self._rows[who]
        turn = row.last_turns[priority] = max(now + at_least, row.last_turns[priority] + row.apart(now))
        return ceil(turn / _TOGETHER_S) * _TOGETHER_S - now

    def taken(self, who: str) -> int:
        """How many of its seats are taken."""
        row = self._rows.get(who)
        return row.taken if row else 0

    def _count(self, record: S, change: int) -> None:
        place = record.source, record.partition
        self.kept += change
        self._kept[place] = self._kept.get(place, 0) + change
