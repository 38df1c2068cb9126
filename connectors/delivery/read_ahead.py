"""How far the retry topics are read, and which of their partitions next. Pure: times are ms since 1970 UTC.

What waits is known before it is read: a scan has found it, or we wrote it ourselves. So a partition is read only when
something in it is due soon, the one that is due first before the others, and all of them share one budget of memory.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.delivery.tracker import Tracker

SOON_MS = 3_000  # so long before its first record is due a partition is opened: it takes a moment until it is fetched
WHILE_MS = 10_000  # an open one is read on to what is due so soon: opening costs a fetch
AT_ONCE = 128  # partitions that are open because something is due
STAYS_MS = 5_000  # an open one gives way to one that is due so much earlier
_LOOK_MS = 20  # a look at all partitions costs up to 0.3 ms, so not one for every batch
_WAIT_MS = 100  # until the next look when more is due than may be read
_FAR_MS = 3_600_000
_BEYOND = 8  # partitions that are read on though the budget is used up by what is not due
_TOGETHER_MS = 1_000

Place = tuple[int, int]  # source and partition


@dataclass(frozen=True, slots=True)
class Bounds:
    """A partition pauses at so many unfinished records or at such a span of offsets; it resumes at half.

    unfinished   of a partition of a main topic. What is left of one at its resumption has to last until more of it
                 comes (clients: up to 100 ms), and a pause throws away what was fetched of it: so it is far above what
                 a busy sender has under way
    retries      of a partition of a retry topic: few of them can use up `read_ahead`, which all share
    together     unfinished records of all partitions of one main topic: from so many on until half of it each of them
                 has only its share. Of none more than an eighth is counted: what a few are full of, because somebody
                 there is slow, leaves the others as they are
    read_ahead   bytes of unfinished records of all retry topics together: at so many their partitions pause, at half
                 they resume
    spans        offsets of one main topic: each of its partitions may span its share of them, and at least `span`
    """

    unfinished: int = 2_000
    retries: int = 1_000
    span: int = 4_000
    together: int = 8_000
    read_ahead: int = 16 * 1024 * 1024
    spans: int = 128_000

    def stop(self, tracker: Tracker, stopped: bool, most: int, span: int | None = None) -> bool:
        """Whether this partition should not be read on: it has `most` unfinished, or spans `span`, if that is given."""
        widest = span or self.span
        if stopped:
            return tracker.unfinished * 2 > most or tracker.span * 2 > widest
        return tracker.unfinished >= most or tracker.span >= widest

    @property
    def counted(self) -> int:
        """So many of a partition of a main topic count for all of them `together`."""
        return max(1, self.together // 8)

    def share(self, partitions: int) -> int:
        """What each partition of a main topic may always have."""
        return min(self.unfinished, max(1, self.together // max(1, partitions)))

    def reach(self, partitions: int) -> int:
        """Offsets that each partition of a main topic may span."""
        return max(self.span, self.spans // max(1, partitions))


class Unread:
    """When the first of what waits unread in one partition is due: `soonest`; None: nothing is known to wait.

    To come to a record all before it must be read, so only those due before all behind them are kept, and of those due
    within a second one: at most 16 bytes for a record.
    """

    __slots__ = ("_begin", "_dues", "_offsets", "soonest")

    def __init__(self) -> None:
        self.soonest: int | None = None
        self._begin = 0  # what is before was read
        self._offsets, self._dues = array("q"), array("q")  # rising both

    @property
    def end(self) -> int:
        """The offset after the last one that is known; 0: none is."""
        return self._offsets[-1] + 1 if self._offsets else 0

    def add(self, offset: int, due: int) -> None:
        """It is there. Offsets rise."""
        offsets, dues = self._offsets, self._dues
        while len(dues) > self._begin and dues[-1] >= due:
            offsets.pop()
            dues.pop()
        if len(dues) > self._begin and due - dues[-1] < _TOGETHER_MS:
            offsets[-1] = offset
        else:
            offsets.append(offset)
            dues.append(due)
        self.soonest = dues[self._begin]

    def read(self, offset: int) -> None:
        """All up to this offset was read."""
        begin, offsets = self._begin, self._offsets
        while begin < len(offsets) and offsets[begin] <= offset:
            begin += 1
        self.soonest = self._dues[begin] if begin < len(offsets) else None
        if begin * 2 >= len(offsets):
            del offsets[:begin], self._dues[:begin]
            begin = 0
        self._begin = begin


class ReadAhead:
    """Which retry partitions are `closed` now.

    `held`: bytes that were read and are not finished; `waiting`: those of them that are not due. No partition and no
    tier starves: what is due first goes first, also when the budget is used up by what had to be read to come to it.
    """

    def __init__(self, trackers: Mapping[Place, Tracker], bounds: Bounds) -> None:
        self._trackers, self._bounds = trackers, bounds
        self._unread = {place: Unread() for place in trackers}
        self._stopped: set[Place] = set()
        self._full = self._enough = False  # enough: somewhere all that is due soon was read
        self._moved, self._looked_at, self._look_at = True, 0, 0
        self.closed: set[Place] = set()
        self.held = self.waiting = 0

    def expect(self, place: Place, due: int, offset: int | None) -> None:
        """A record is there; if it was not read yet it will be when it is due soon.

        `offset` None: Kafka has it, but could not tell where: its leader died before it answered. Nobody else writes
        there, so it is the one after the last.
        """
        unread, following = self._unread[place], self._trackers[place].next
        if offset is None:
            offset = max(following, unread.end)
        if offset >= following:
            unread.add(offset, due)
            self._moved = True

    def read(self, place: Place, offset: int, size: int) -> None:
        """It was read."""
        unread = self._unread[place]
        unread.read(offset)
        self.held += size
        self._moved = True
        if unread.soonest is not None and unread.soonest > self._looked_at + WHILE_MS:
            self._enough = True

    def ended(self, size: int) -> None:
        """One that was read is finished."""
        self.held -= size

    def flow(self, now: int) -> tuple[list[Place], list[Place]]:
        """Partitions to pause and to resume now."""
        if not self._is_worth_a_look(now):
            return [], []
        self._moved, self._enough, self._looked_at = False, False, now
        closed = self._unread.keys() - self._chosen(now)
        pause, resume = sorted(closed - self.closed), sorted(self.closed - closed)
        self.closed = closed
        return pause, resume

    def _is_worth_a_look(self, now: int) -> bool:
        if self._enough or (self.held >= self._bounds.read_ahead and not self._full):
            return True
        look_at = min(self._look_at, self._looked_at + _LOOK_MS) if self._moved else self._look_at
        return not self._looked_at <= now < look_at

    def _chosen(self, now: int) -> set[Place]:
        """Those to be read: where something is due soon, and where anything that comes is news."""
        budget = self._bounds.read_ahead
        self._full = self.held * 2 > budget if self._full else self.held >= budget
        due, idle, look_at = list[tuple[int, Place]](), set[Place](), now + _FAR_MS
        for place, unread in self._unread.items():
            soonest, is_open = unread.soonest, place not in self.closed
            if self._is_stopped(place):
                look_at = min(look_at, now + _WAIT_MS)
            elif soonest is None:
                idle.add(place)
            elif soonest <= now + (WHILE_MS if is_open else SOON_MS):
                due.append((soonest - STAYS_MS * is_open, place))
            else:
                look_at = min(look_at, soonest - SOON_MS)
        due.sort()
        self._look_at = min(look_at, now + _WAIT_MS) if self._full or len(due) > AT_ONCE else look_at
        if not self._full:
            return idle | {place for _, place in due[:AT_ONCE]}
        is_work = (self.held - self.waiting) * 2 >= budget  # it gets less by itself; what is not due does not
        return set() if is_work else {place for _, place in due[:_BEYOND]}

    def _is_stopped(self, place: Place) -> bool:
        stopped = self._bounds.stop(self._trackers[place], place in self._stopped, self._bounds.retries)
        (self._stopped.add if stopped else self._stopped.discard)(place)
        return stopped
