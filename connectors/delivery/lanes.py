"""Which delivery may run next: one of a lane at a time, lanes side by side, priorities by weight. Pure."""

from bisect import insort
from collections import deque
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

WEIGHTS = (16, 4, 1)  # high, normal, low
_by_origin = attrgetter("origin")

Lane = tuple[bytes, int]  # the record key, and the priority as a number: 0 high, 1 normal, 2 low


class Queued(Protocol):
    """What can stand in a lane. `origin`: its offset in the lane's main topic, its place through all retries."""

    lane: Lane
    origin: int


Q = TypeVar("Q", bound=Queued)


class _Lane(Generic[Q]):
    __slots__ = ("busy", "priority", "queue")

    def __init__(self, priority: int) -> None:
        self.busy = False
        self.queue: list[Q] = []  # no deque: most lanes hold one delivery, and a deque begins with room for 64
        self.priority = priority


class Lanes(Generic[Q]):
    """A lane is in `_ready` exactly while it is not busy and its queue is not empty."""

    def __init__(self, weights: tuple[int, ...] = WEIGHTS) -> None:
        self._lanes: dict[Lane, _Lane[Q]] = {}
        self._ready: tuple[deque[_Lane[Q]], ...] = tuple(deque() for _ in weights)
        self._weights = weights
        self._credits = list(weights)

    def offer(self, record: Q) -> None:
        """Queue a record of its lane by origin: what comes back from a retry topic goes before younger ones."""
        key = record.lane
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key[1])
        queue = lane.queue
        if queue and queue[-1].origin > record.origin:
            insort(queue, record, key=_by_origin)
        else:
            queue.append(record)
        if not lane.busy and len(queue) == 1:
            self._ready[lane.priority].append(lane)

    def pick(self) -> Q | None:
        """The head of the next runnable lane, which is busy from now on; None if no lane is runnable."""
        for _ in (0, 1):
            for priority, ready in enumerate(self._ready):
                if ready and self._credits[priority]:
                    return self._take(priority)
            self._credits = list(self._weights)
        return None

    def pick_of(self, priority: int) -> Q | None:
        """The same of one priority, out of its share: None also when the others have to come first."""
        return self._take(priority) if self._ready[priority] and self._credits[priority] else None

    def _take(self, priority: int) -> Q:
        self._credits[priority] -= 1
        lane = self._ready[priority].popleft()
        lane.busy = True
        return lane.queue.pop(0)

    def release(self, key: Lane, again: Q | None = None) -> None:
        """The lane's delivery in flight has ended, or runs `again` before everything behind it."""
        lane = self._lanes[key]
        if again is not None:
            lane.queue.insert(0, again)
        lane.busy = False
        if lane.queue:
            self._ready[lane.priority].append(lane)
        else:
            del self._lanes[key]

    @property
    def runnable(self) -> int:
        """Lanes whose head could run now."""
        return sum(map(len, self._ready))

    def runnable_of(self, priority: int) -> int:
        """The same of one priority."""
        return len(self._ready[priority])

    def __len__(self) -> int:
        return len(self._lanes)
