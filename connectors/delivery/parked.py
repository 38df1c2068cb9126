"""Which deliveries of which lanes wait in retry topics. Pure.

A delivery may be tried only if no older one of its lane waits. Older means a lower origin (its offset in the lane's
main topic), so order does not rest on tiers, due times or on who wrote first.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from connectors.delivery.lanes import Lane


class Waiting(NamedTuple):
    """In the retry topic of this tier, until `due` (ms since 1970 UTC)."""

    tier: int
    due: int


class _ParkedLane:
    __slots__ = ("origins", "waiting")

    def __init__(self) -> None:
        self.origins: list[int] = []  # rising
        self.waiting: dict[int, Waiting] = {}


class Parked:
    """The parked lanes of one assignment. `len()`: how many lanes."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, _ParkedLane] = {}

    def put(self, lane: Lane, origin: int, waiting: Waiting) -> None:
        """The delivery waits there now; a copy of it elsewhere no longer counts."""
        parked = self._lanes.get(lane)
        if parked is None:
            parked = self._lanes[lane] = _ParkedLane()
        if origin not in parked.waiting:
            insort(parked.origins, origin)
        parked.waiting[origin] = waiting

    def end(self, lane: Lane, origin: int) -> None:
        """The delivery has ended; nothing waits behind it any more."""
        parked = self._lanes.get(lane)
        if parked is None or parked.waiting.pop(origin, None) is None:
            return
        del parked.origins[bisect_left(parked.origins, origin)]
        if not parked.origins:
            del self._lanes[lane]

    def find(self, lane: Lane, origin: int) -> Waiting | None:
        """Where this delivery waits."""
        parked = self._lanes.get(lane)
        return parked.waiting.get(origin) if parked else None

    def ahead_of(self, lane: Lane, origin: int) -> Waiting | None:
        """Where the next older delivery of the lane waits; None: nothing older waits."""
        parked = self._lanes.get(lane)
        if parked is None:
            return None
        at = bisect_left(parked.origins, origin)
        return parked.waiting[parked.origins[at - 1]] if at else None

    def __len__(self) -> int:
        return len(self._lanes)
