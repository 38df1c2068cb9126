"""How fast a bulk redrive goes: small batches at even distances, and never faster to make up for a pause. Pure."""

from dataclasses import dataclass

_BATCHES_A_SECOND = 10
_BATCH_AT_MOST = 200

SLOWEST, FASTEST = 1, 2_000
DEFAULT_RATE = 100


@dataclass(slots=True)
class Pace:
    """`rate`: how many a second. Times are seconds of a monotonic clock."""

    rate: int
    next_at: float = 0.0

    @property
    def batch(self) -> int:
        """How many at once."""
        return max(1, min(self.rate // _BATCHES_A_SECOND, _BATCH_AT_MOST))

    def wait(self, now: float) -> float:
        """Seconds until the next batch may go."""
        return max(0.0, self.next_at - now)

    def went(self, count: int, now: float) -> None:
        """A batch of `count` went at `now`: the next one may go when its share of a second is over."""
        self.next_at = max(self.next_at, now) + count / self.rate
