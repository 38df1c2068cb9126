"""What this process last claimed and marked, to be told again to a Redis that has forgotten it. Pure."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED, UNSURE, Left, is_over, marked

# Claims and marks: 8,000 deliveries, as many as are unfinished of a busy topic (Bounds.together); 2 to 4 MB. What hangs
# longer than it takes to send 8,000 others is not among them any more.
_MOST = 16_000
_KINDS = {NEW: b"c", AMBIGUOUS: b"a", UNSURE: b"u"}  # as in claim_marks


class _Claimed(NamedTuple):
    owner: bytes
    keys: Sequence[bytes]
    verdicts: Sequence[int | bytes]


class _Marked(NamedTuple):
    owner: bytes
    marks: Sequence[tuple[bytes, bytes]]


class RecentClaims:
    """Batches are kept as they came, so one costs nothing for each delivery; only when asked is it worked out."""

    def __init__(self, most: int = _MOST) -> None:
        """`most`: so many claims and marks; the oldest batches go."""
        self._most = most
        self._batches: deque[_Claimed | _Marked] = deque()
        self._held = 0

    def claimed(self, owner: bytes, keys: Sequence[bytes], verdicts: Sequence[int | bytes]) -> None:
        """The answers to a batch. The sequences must not change any more."""
        self._keep(_Claimed(owner, keys, verdicts))

    def marked(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """These were made. They must not change any more."""
        self._keep(_Marked(owner, marks))

    def left(self) -> list[Left]:
        """The claims that come of it; none that was given back."""
        values: dict[bytes, bytes] = {}
        for batch in self._batches:
            match batch:
                case _Claimed(owner, keys, verdicts):
                    for key, verdict in zip(keys, verdicts, strict=True):
                        if not is_over(values.get(key, b"")):
                            values[key] = verdict if isinstance(verdict, bytes) else _KINDS[verdict] + owner
                case _Marked(owner, marks):
                    for key, mark in marks:
                        values[key] = marked(values.get(key, b""), owner, mark)
        return [Left(key, value, 0) for key, value in values.items() if value not in (b"", RELEASED)]

    def _keep(self, batch: _Claimed | _Marked) -> None:
        self._batches.append(batch)
        self._held += len(batch[1])
        while self._held > self._most:
            self._held -= len(self._batches.popleft()[1])
