"""Ends a process that has work and gets nowhere: a hung agent, a stuck client, a rebalance without end."""

import asyncio
import faulthandler
import logging
import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

from streams.engine.ending import stalled

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at the process shows.

    `progress` differs whenever something moved. `waiting` tells in words what waits; None: nothing does, or it cannot
    be known (Kafka does not answer).
    """

    progress: Hashable
    waiting: str | None


class Stall:
    """State of the rule: for how long something has waited while nothing moved. Times in seconds, from any clock."""

    __slots__ = ("_progress", "_since", "_started")

    def __init__(self) -> None:
        self._progress: Hashable = None
        self._since: float | None = None
        self._started = False

    def lasts(self, reading: Reading, now: float) -> float:
        """Seconds of standstill up to now; 0 while nothing waits or something moves."""
        moved = not self._started or reading.progress != self._progress
        self._started, self._progress = True, reading.progress
        if moved or reading.waiting is None:
            self._since = None
            return 0.0
        if self._since is None:
            self._since = now
        return now - self._since


class Watchdog:
    """Looks at the process from a thread of its own, so that a blocked event loop is seen too."""

    def __init__(
        self,
        look: Callable[[], Reading],
        limit_seconds: float,
        end: Callable[[str], NoReturn] = stalled,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._look = look
        self._limit = limit_seconds
        self._end = end
        self._clock = clock
        self._stall = Stall()
        self._lasted = 0.0
        self._well_at = clock()
        self._stopped = threading.Event()

    @property
    def interval_seconds(self) -> float:
        """Time between two looks."""
        return min(5.0, self._limit / 6)

    def alive(self) -> bool:
        """Nothing has stood still for longer than the limit, and the watchdog itself is at work."""
        return self._clock() - self._well_at <= self._limit + 2 * self.interval_seconds

    def stalled(self) -> bool:
        """Something has waited and nothing has moved for a third of the limit. Callable from any thread."""
        return self._lasted > self._limit / 3 and not self._stopped.is_set()

    def check(self) -> None:
        """One look; ends the process when the limit is passed."""
        reading = self._look()
        now = self._clock()
        self._lasted = lasted = self._stall.lasts(reading, now)
        if lasted == 0.0:
            self._well_at = now
        if lasted > self._limit:
            self._end(f"{reading.waiting}, and nothing has moved for {lasted:.0f} s")

    def start(self) -> None:
        """Look again and again until `stop`."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """A planned stop has limits of its own."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self.interval_seconds):
            self._watch_the_watchdog()
            try:
                self.check()
            except Exception:
                log.exception("the watchdog could not look")
        faulthandler.cancel_dump_traceback_later()

    def _watch_the_watchdog(self) -> None:
        """Native code that keeps the interpreter to itself (a regular expression does) stops this thread too.

        The timer of faulthandler needs no interpreter: it writes the stacks and ends the process, with code 1.
        """
        faulthandler.dump_traceback_later(self._limit + 2 * self.interval_seconds, exit=True, file=sys.__stderr__ or 2)


def print_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Where each task of the loop waits, on stderr: stacks of threads do not show it."""
    for task in asyncio.all_tasks(loop):
        task.print_stack(limit=3)
