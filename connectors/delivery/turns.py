"""When those who wait for a rate limit ask again. Pure: time is an argument, in seconds of any clock.

All of them could have the next token, but only one will: they are given turns, one token apart. Without turns all that
wait would ask for each token, and a tenant with a long queue would cost everybody the time it takes to turn it away.
"""

from enum import Enum

from streams.domain.rate_limit import Bucket

_SWEEP_ABOVE = 10_000


class Line(Enum):
    """Who asked too early in its turn does not go to the end of the line of those who come."""

    COME = 0
    AGAIN = 1


class Turns:
    """Lines of their own for each bucket and priority: what is urgent does not wait behind a long queue that is not."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int, Line], float] = {}

    def is_line(self, bucket: Bucket, priority: int, now: float) -> bool:
        """Whether somebody who has come before still waits for a turn."""
        return self._last.get((bucket.key, priority, Line.COME), 0.0) > now

    def give(self, bucket: Bucket, priority: int, line: Line, now: float, at_least: float = 0.0) -> float:
        """Seconds until the next free turn in this line, not before `at_least`."""
        key, apart = (bucket.key, priority, line), bucket.limit.interval_us / 1_000_000
        turn = max(now + at_least, self._last.get(key, 0.0) + apart)
        self._last[key] = turn
        if len(self._last) > _SWEEP_ABOVE:
            self._last = {each: at for each, at in self._last.items() if at > now}
        return turn - now
