"""What this process owns between two rebalances, and what may happen to it next. Pure: time is an argument.

A source is a topic as a number: 0, 1, 2 the main topics by priority, 3 + tier the retry topics.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar

from connectors.delivery.lanes import Lane, Lanes
from connectors.delivery.parked import Parked, Waiting
from connectors.delivery.read_ahead import Bounds, Place, ReadAhead
from connectors.delivery.seats import Seats
from connectors.delivery.tracker import Tracker

TIER_0 = 3
LOOK_AGAIN_MS = 50
_BOUNDS = Bounds()
_KEPT = 4  # of what a partition may always have unfinished, a quarter may wait for seats
_KEPT_AGAIN = 16  # of what comes back from a retry partition: it takes from what all of them may have read (read_ahead)


class Placed(Protocol):
    """A record as it came up from one source.

    `due`: ms since 1970 UTC, of a record from a retry topic. `size`: bytes of memory, about.
    """

    source: int
    partition: int
    offset: int
    lane: Lane
    origin: int
    due: int

    @property
    def size(self) -> int: ...


P = TypeVar("P", bound=Placed)


class Assignment(Generic[P]):
    """Orphaned (`alive` is False) at a rebalance: what ends later changes an object nobody commits from.

    `owner` names this assignment in claims.
    """

    def __init__(self, starts: Mapping[Place, int], bounds: Bounds = _BOUNDS, owner: bytes = b"") -> None:
        self.trackers = {place: Tracker(start) for place, start in starts.items()}
        self.lanes: Lanes[P] = Lanes()
        self.parked = Parked()
        self.owner = owner
        self.alive = True
        self.paused: set[Place] = set()  # of the main topics
        self._bounds = bounds
        retries = {place: tracker for place, tracker in self.trackers.items() if place[0] >= TIER_0}
        self.ahead = ReadAhead(retries, bounds)
        self._mains = [
            [(place, tracker) for place, tracker in self.trackers.items() if place[0] == source]
            for source in range(TIER_0)
        ]
        kept = max(1, bounds.share(len(self._mains[0])) // _KEPT)
        self.seats: Seats[P] = Seats(self.lanes, lambda source: kept if source < TIER_0 else _KEPT_AGAIN)
        self._tight = [False] * TIER_0  # of this main topic much is unfinished
        self._waiting: list[tuple[int, int, P]] = []  # a heap by due time
        self._number = count()

    def track(self, record: P) -> bool:
        """Whether it is new here; from now on its offset holds back the commit."""
        place = record.source, record.partition
        is_new = self.trackers[place].take(record.offset)
        if is_new and record.source >= TIER_0:
            self.ahead.read(place, record.offset, record.size)
        return is_new

    def admit(self, record: P) -> None:
        """Into its lane, or, from a retry topic, among what waits for its due time."""
        if record.source < TIER_0:
            self.lanes.offer(record)
        else:
            self.ahead.waiting += record.size
            heappush(self._waiting, (record.due, next(self._number), record))

    def release_due(self, now: int) -> int:
        """Move what is due from the retry partitions into its lanes; how many there were."""
        released, heap = 0, self._waiting
        while heap and heap[0][0] <= now:
            _, number, record = heappop(heap)
            if self._main(record).next <= record.origin:  # main was rewound: older ones of the lane may still come
                heappush(heap, (now + LOOK_AGAIN_MS, number, record))
            else:
                self.ahead.waiting -= record.size
                self.lanes.offer(record)
                released += 1
        return released

    @property
    def next_due(self) -> int | None:
        """When the next record that was read from a retry topic is due (ms since 1970 UTC)."""
        return self._waiting[0][0] if self._waiting else None

    def is_copy(self, record: P) -> bool:
        """Whether another copy of this delivery is the one that counts (a crash or a zombie left it twice)."""
        waiting = self.parked.find(record.lane, record.origin)
        if record.source < TIER_0:
            return waiting is not None
        if waiting is None:
            return self._main(record).holds(record.origin)
        return waiting.tier != record.source - TIER_0

    def behind(self, record: P) -> Waiting | None:
        """Where this delivery has to go untried because an older one of its lane waits there; None: it may be tried."""
        return self.parked.ahead_of(record.lane, record.origin)

    def park(self, record: P, waiting: Waiting) -> Callable[[int | None], None]:
        """It waits there from now on. To be told the offset at which its copy in that topic stands, if it is known."""
        self.parked.put(record.lane, record.origin, waiting)
        return partial(self.ahead.expect, (TIER_0 + waiting.tier, record.partition), waiting.due)

    def complete(self, record: P) -> None:
        """Its offset no longer holds back the commit."""
        self.trackers[record.source, record.partition].complete(record.offset)
        if record.source >= TIER_0:
            self.ahead.ended(record.size)

    def flow(self, sources: Collection[int], now: int) -> tuple[list[Place], list[Place]]:
        """Partitions of these sources to pause and to resume now (ms since 1970 UTC). The retry topics go together."""
        pause: list[Place] = []
        resume: list[Place] = []
        for source in sources:
            if source < TIER_0:
                self._flow_of_main(source, pause, resume)
        if any(source >= TIER_0 for source in sources):
            closed, opened = self.ahead.flow(now)
            pause += closed
            resume += opened
        return pause, resume

    def _flow_of_main(self, source: int, pause: list[Place], resume: list[Place]) -> None:
        mains, bounds = self._mains[source], self._bounds
        total = sum(min(tracker.unfinished, bounds.counted) for _, tracker in mains)
        tight = total * 2 > bounds.together if self._tight[source] else total >= bounds.together
        self._tight[source] = tight
        most = bounds.share(len(mains)) if tight else bounds.unfinished
        span = bounds.reach(len(mains))
        for place, tracker in mains:
            was = place in self.paused
            stop = bounds.stop(tracker, was, most, span)
            if stop and not was:
                self.paused.add(place)
                pause.append(place)
            elif was and not stop:
                self.paused.discard(place)
                resume.append(place)

    def _main(self, record: P) -> Tracker:
        return self.trackers[record.lane[1], record.partition]
