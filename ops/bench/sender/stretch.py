"""A stretch of work watched from outside: messages counted at the sink, CPU asked of the system."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ops.bench.router.cores import busy_seconds
from ops.bench.sender.process import Family
from ops.bench.sender.site import Site

LEAST_BY_COMMITS = 40_000
"""Messages of the machinery that are enough when commits count them: those come ten a second, and it makes more than
30,000 a second, so that of a few thousand all could be done between two commits."""

_STUCK_SECONDS = 60.0
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages in so many seconds, and CPU seconds meanwhile: of what is measured, and of others on its core."""

    messages: int
    seconds: float
    cpu_seconds: float
    others_seconds: float

    @property
    def per_s(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for a message."""
        return self.cpu_seconds / self.messages * 1e6

    @property
    def others_percent(self) -> float:
        """Of the measured core: what others took away. More than a few: measure again."""
        return self.others_seconds / self.seconds * 100


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `busy_seconds`: of the measured core since the machine started, whoever it was for."""

    at: float
    messages: int
    cpu_seconds: float
    busy_seconds: float

    def until(self, end: "Look") -> Stretch:
        """Raises RuntimeError when nothing came in between."""
        if end.messages <= self.messages or end.at <= self.at:
            raise RuntimeError("all was done before the clock started: measure with more --deliveries")
        cpu = end.cpu_seconds - self.cpu_seconds
        others = max(0.0, end.busy_seconds - self.busy_seconds - cpu)
        return Stretch(end.messages - self.messages, end.at - self.at, cpu, others)


class Watch:
    """Watches one process. `count`: (moment of time.monotonic, messages so far)."""

    def __init__(self, site: Site, process: Family, count: Callable[[], tuple[float, int]] | None = None) -> None:
        self._site, self._process = site, process
        self._count = count or site.sink.count

    def look(self) -> Look:
        """Now."""
        at, messages = self._count()
        return Look(at, messages, self._process.cpu_seconds(), busy_seconds(self._site.cores.measured))

    def reached(self, messages: int) -> Look:
        """Wait until so many came. Raises Ended when the process ends, RuntimeError when nothing moves."""
        last, moved_at = self.look(), time.monotonic()
        while last.messages < messages:
            self._process.check()
            time.sleep(_PAUSE_SECONDS)
            look = self.look()
            if look.messages > last.messages:
                moved_at = look.at
            elif look.at - moved_at > _STUCK_SECONDS:
                raise RuntimeError(f"stuck at {look.messages} of {messages}: {self._process.log_end()}")
            last = look
        return last
