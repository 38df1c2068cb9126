"""Ends of processes: those that a fault asked for, and those that nobody did."""

import re
import threading
from collections import Counter

_REPORT = re.compile(r"^(?P<name>\S+) ended with status (?P<status>-?\d+)")


class Ends:
    """Hears the events of a stack (on its thread) and holds them against what faults announced before their blows."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._invited: Counter[tuple[str, int]] = Counter()
        self._allowed: set[tuple[str, int]] = set()
        self._uninvited: list[str] = []

    def invite(self, name: str, status: int) -> None:
        """The process is about to be made to end with this status (of a signal: its number, negative)."""
        with self._changed:
            self._invited[name, status] += 1

    def withdraw(self, name: str, status: int) -> None:
        """It was not made to end after all."""
        with self._changed:
            self._invited[name, status] = max(0, self._invited[name, status] - 1)

    def allow(self, status: int, name: str = "") -> None:
        """From now on whoever likes, or only this one, may end with this status."""
        with self._changed:
            self._allowed.add((name, status))

    def hear(self, text: str) -> None:
        """An event of the stack; whatever does not report an end is ignored."""
        if (said := _REPORT.match(text)) is None:
            return
        end = (said["name"], int(said["status"]))
        with self._changed:
            if self._invited[end]:
                self._invited[end] -= 1
            elif not {end, ("", end[1])} & self._allowed:
                self._uninvited.append(text)
            self._changed.notify_all()

    def wait(self, name: str, status: int, seconds: float) -> bool:
        """Wait until no announced end of this kind is outstanding."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._invited[name, status], seconds)

    def uninvited(self) -> list[str]:
        """The reports of ends that nobody announced, with the last lines of the logs."""
        with self._changed:
            return list(self._uninvited)
