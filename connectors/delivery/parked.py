"""Which deliveries of which lanes wait in retry topics. Pure.

A delivery may be tried only if no older one of its lane waits. Older means a lower origin (its offset in the lane's
main topic), so order does not rest on tiers, due times or on who wrote first.

A million may wait, nearly all of them alone in their lanes: such a lane is its key and one number, 140 bytes together.
"""

from bisect import bisect_left
from typing import NamedTuple

from connectors.delivery.lanes import WEIGHTS, Lane

_TIER = 8  # bits
_DUE = 60  # bits: what a header of 18 digits can say
_ORIGIN = _TIER + _DUE  # the origin lies above both, so numbers rise as origins do


class Waiting(NamedTuple):
    """In the retry topic of this tier, until `due` (ms since 1970 UTC)."""

    tier: int
    due: int


class Parked:
    """The parked lanes of one assignment. `len()`: how many lanes; `waiting`: how many deliveries."""

    def __init__(self) -> None:
        self._lanes: tuple[dict[bytes, int | list[int]], ...] = tuple({} for _ in WEIGHTS)  # several: rising
        self.waiting = 0

    def put(self, lane: Lane, origin: int, waiting: Waiting) -> None:
        """The delivery waits there now; a copy of it elsewhere no longer counts."""
        key, priority = lane
        lanes, packed = self._lanes[priority], origin << _ORIGIN | waiting.due << _TIER | waiting.tier
        there = lanes.get(key)
        if there is None:
            lanes[key] = packed
        else:
            several = there if isinstance(there, list) else [there]
            at = bisect_left(several, origin << _ORIGIN)
            if at < len(several) and several[at] >> _ORIGIN == origin:
                several[at] = packed
                self.waiting -= 1
            else:
                several.insert(at, packed)
            lanes[key] = several if len(several) > 1 else packed
        self.waiting += 1

    def end(self, lane: Lane, origin: int) -> None:
        """The delivery has ended; nothing waits behind it any more."""
        key, priority = lane
        lanes = self._lanes[priority]
        there = lanes.get(key)
        if there is None:
            return
        several = there if isinstance(there, list) else [there]
        at = bisect_left(several, origin << _ORIGIN)
        if at == len(several) or several[at] >> _ORIGIN != origin:
            return
        self.waiting -= 1
        del several[at]
        if not several:
            del lanes[key]
        elif len(several) == 1:
            lanes[key] = several[0]

    def find(self, lane: Lane, origin: int) -> Waiting | None:
        """Where this delivery waits."""
        key, priority = lane
        there = self._lanes[priority].get(key)
        if there is None:
            return None
        if isinstance(there, list):
            at = bisect_left(there, origin << _ORIGIN)
            if at == len(there):
                return None
            there = there[at]
        return _unpacked(there) if there >> _ORIGIN == origin else None

    def ahead_of(self, lane: Lane, origin: int) -> Waiting | None:
        """Where the next older delivery of the lane waits; None: nothing older waits."""
        key, priority = lane
        there = self._lanes[priority].get(key)
        if there is None:
            return None
        if isinstance(there, list):
            at = bisect_left(there, origin << _ORIGIN)
            return _unpacked(there[at - 1]) if at else None
        return _unpacked(there) if there >> _ORIGIN < origin else None

    def __contains__(self, lane: Lane) -> bool:
        """Whether anything of this lane waits."""
        return lane[0] in self._lanes[lane[1]]

    def __len__(self) -> int:
        return sum(map(len, self._lanes))


def _unpacked(packed: int) -> Waiting:
    return Waiting(packed & (1 << _TIER) - 1, packed >> _TIER & (1 << _DUE) - 1)
