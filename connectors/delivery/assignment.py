"""What this process owns between two rebalances, and what may happen to it next. Pure: time is an argument.

A source is a topic as a number: 0, 1, 2 the main topics by priority, 3 + tier the retry topics.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar

from connectors.delivery.lanes import Lane, Lanes
from connectors.delivery.parked import Parked, Waiting
from connectors.delivery.tracker import Tracker

TIER_0 = 3
LOOK_AGAIN_MS = 50

Place = tuple[int, int]  # source and partition


@dataclass(frozen=True, slots=True)
class Bounds:
    """A partition pauses at so many unfinished records or at such a span of offsets; it resumes at half."""

    unfinished: int = 1_000
    span: int = 4_000


class Placed(Protocol):
    """A record as it came up from one source. `due`: ms since 1970 UTC, of a record from a retry topic."""

    source: int
    partition: int
    offset: int
    lane: Lane
    origin: int
    due: int


P = TypeVar("P", bound=Placed)


class Assignment(Generic[P]):
    """Orphaned (`alive` is False) at a rebalance: what ends later changes an object nobody commits from.

    `owner` names this assignment in claims.
    """

    def __init__(self, starts: Mapping[Place, int], bounds: Bounds = Bounds(), owner: bytes = b"") -> None:
        self.trackers = {place: Tracker(start) for place, start in starts.items()}
        self.lanes: Lanes[P] = Lanes()
        self.parked = Parked()
        self.owner = owner
        self.alive = True
        self.paused: set[Place] = set()
        self._bounds = bounds
        self._heaps: dict[Place, list[tuple[int, int, P]]] = {place: [] for place in starts if place[0] >= TIER_0}

    def track(self, record: P) -> bool:
        """Whether it is new here; from now on its offset holds back the commit."""
        return self.trackers[record.source, record.partition].take(record.offset)

    def admit(self, record: P) -> None:
        """Into its lane, or, from a retry topic, among what waits for its due time."""
        if record.source < TIER_0:
            self.lanes.offer(record)
        else:
            heappush(self._heaps[record.source, record.partition], (record.due, record.offset, record))

    def release_due(self, now: int) -> int:
        """Move what is due from the retry partitions into its lanes; how many there were."""
        released = 0
        for heap in self._heaps.values():
            while heap and heap[0][0] <= now:
                _, offset, record = heappop(heap)
                if self._main(record).next <= record.origin:  # main was rewound: older ones of the lane may still come
                    heappush(heap, (now + LOOK_AGAIN_MS, offset, record))
                else:
                    self.lanes.offer(record)
                    released += 1
        return released

    @property
    def next_due(self) -> int | None:
        """When the next record that was read from a retry topic is due (ms since 1970 UTC)."""
        return min((heap[0][0] for heap in self._heaps.values() if heap), default=None)

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

    def complete(self, record: P) -> None:
        """Its offset no longer holds back the commit."""
        self.trackers[record.source, record.partition].complete(record.offset)

    def flow(self, sources: Collection[int]) -> tuple[list[Place], list[Place]]:
        """Partitions of these sources to pause and to resume now."""
        pause: list[Place] = []
        resume: list[Place] = []
        bounds = self._bounds
        for place, tracker in self.trackers.items():
            if place[0] not in sources:
                continue
            if place in self.paused:
                if tracker.unfinished * 2 <= bounds.unfinished and tracker.span * 2 <= bounds.span:
                    self.paused.discard(place)
                    resume.append(place)
            elif tracker.unfinished >= bounds.unfinished or tracker.span >= bounds.span:
                self.paused.add(place)
                pause.append(place)
        return pause, resume

    def _main(self, record: P) -> Tracker:
        return self.trackers[record.lane[1], record.partition]
