"""Which offsets of one partition are finished, and so how far it may be committed. Pure."""

from collections import deque


class Tracker:
    """Offsets of one partition during one assignment.

    `base` is the lowest unfinished offset: the only offset that may ever be committed.
    A tracker belongs to its assignment; a completion that comes late changes an orphan.
    """

    __slots__ = ("_done", "_taken", "base", "next")

    def __init__(self, start: int) -> None:
        self.base = self.next = start
        self._taken: deque[int] = deque()  # unfinished, or finished beyond base; rising
        self._done: set[int] = set()  # finished beyond base

    def take(self, offset: int) -> bool:
        """True if the offset is new; false if this assignment has taken it before (a rewound fetch)."""
        if offset < self.next:
            return False
        self._taken.append(offset)
        self.next = offset + 1
        return True

    def complete(self, offset: int) -> None:
        """All that the record caused is confirmed. Raises AssertionError if never taken or completed before."""
        taken, done = self._taken, self._done
        if not taken or offset < taken[0] or offset >= self.next or offset in done:
            raise AssertionError(f"offset {offset} completed twice or never taken, base {self.base}")
        if offset != taken[0]:
            done.add(offset)
            return
        taken.popleft()
        while taken and taken[0] in done:
            done.discard(taken.popleft())
        self.base = taken[0] if taken else self.next

    def holds(self, offset: int) -> bool:
        """Whether this partition still has to finish `offset`, read already or not."""
        return offset >= self.base and offset not in self._done

    @property
    def span(self) -> int:
        """Offsets between the lowest unfinished one and the last one taken."""
        return self.next - self.base

    @property
    def unfinished(self) -> int:
        return len(self._taken) - len(self._done)
