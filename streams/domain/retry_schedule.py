"""When a failed delivery is tried again. The schedule is data; topics are derived from it."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

DEFAULT = "5s,30s,2m,10m,1h,6h"

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}
_DELAY = re.compile(r"(\d+)(ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class InLane:
    """Wait here; the lane waits with it."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Tier:
    """Wait in the retry topic of this index; the lane is parked."""

    index: int
    delay: timedelta


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """First a short wait in the lane (full jitter), then a topic for each further delay, then the dead letters."""

    in_lane: timedelta
    tiers: tuple[timedelta, ...]

    @classmethod
    def parse(cls, text: str) -> "RetrySchedule":
        """Delays in rising order, such as `5s,30s,2m`. Raises ValueError that says what is wrong."""
        delays = []
        for word in text.split(","):
            found = _DELAY.fullmatch(word.strip())
            if not found:
                raise ValueError(f"{word.strip()!r} is not a delay: write a number and ms, s, m or h, such as 30s")
            delays.append(timedelta(**{_UNITS[found[2]]: int(found[1])}))
        if len(delays) < 2 or any(a >= b for a, b in pairwise(delays)):
            raise ValueError("a retry schedule is two or more delays in rising order, such as 5s,30s,2m")
        return cls(delays[0], tuple(delays[1:]))

    def after(self, failed: int, jitter: float, at_least: timedelta | None = None) -> InLane | Tier | None:
        """What follows the failed-th failed attempt (from 1); None: the schedule is exhausted.

        `jitter` is in [0, 1). `at_least` is what the provider asked for (Retry-After): a wait in the lane if it is no
        longer than that may take, else the first tier that is long enough, or the longest one.
        """
        if failed > len(self.tiers) + 1:
            return None
        asked = at_least or timedelta(0)
        if failed == 1 and asked <= self.in_lane:
            return InLane(max(self.in_lane * jitter, asked))
        first = max(failed - 2, 0)
        index = next((i for i in range(first, len(self.tiers)) if self.tiers[i] >= asked), len(self.tiers) - 1)
        return Tier(index, self.tiers[index])

    def tier_for(self, wait: timedelta) -> int:
        """The retry topic for a wait of this length: the longest delay that is not above it, or the shortest of all.

        So what waits for hours does not stand before what waits for seconds.
        """
        return max(bisect_right(self.tiers, wait) - 1, 0)
