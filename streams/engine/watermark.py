"""What may be committed: the end of the longest finished prefix of what was fetched."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True, eq=False)
class Span:
    """One fetched batch: `end` is the offset after its last record, `size` its number of records.

    `since`: when it was fetched, in seconds of the monotonic clock.
    """

    end: int
    size: int
    since: float
    begun: bool = False
    finished: bool = False


class Watermark:
    """Commit position of one partition, valid for one assignment.

    Batches are opened in fetch order and may finish in any order. Offsets that never reach us (compacted away,
    transaction markers) need no special case, because the position follows batches and not single offsets. A
    rebalance drops the object, so a late finish from an older assignment changes an orphan and can commit nothing.
    """

    __slots__ = ("_begun", "_open", "committed", "position", "queued", "records")

    def __init__(self, begun: Callable[[], None] = lambda: None) -> None:
        """`begun()` is called whenever less is queued."""
        self._begun = begun
        self._open: deque[Span] = deque()
        self.position: int | None = None  # next offset to read after a crash; None: nothing has finished
        self.committed: int | None = None  # the position that was committed last
        self.records = 0  # fetched and not finished, for back-pressure
        self.queued = 0  # of these, those that no agent has taken yet

    def open(self, end: int, size: int) -> Span:
        """Take note of a batch that was fetched. Raises ValueError when it does not follow the one before."""
        last = self._open[-1].end if self._open else self.position
        if last is not None and end <= last:
            raise ValueError(f"a batch that ends at {end} cannot follow one that ends at {last}")
        span = Span(end, size, monotonic())
        self._open.append(span)
        self.records += size
        self.queued += size
        return span

    def begin(self, span: Span) -> None:
        """An agent has taken the batch. Beginning twice is beginning once."""
        if not span.begun:
            span.begun = True
            self.queued -= span.size
            self._begun()

    def oldest(self) -> Span | None:
        """The batch that holds back the position. Callable from any thread."""
        try:
            return self._open[0]
        except IndexError:
            return None

    def finish(self, span: Span) -> None:
        """All that the batch caused is confirmed. Finishing twice is finishing once."""
        if span.finished:
            return
        self.begin(span)
        span.finished = True
        self.records -= span.size
        while self._open and self._open[0].finished:
            self.position = self._open.popleft().end
