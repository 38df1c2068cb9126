"""Who runs on which core: what is measured has one of its own, Kafka and everything else share the others."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

Core = int


@dataclass(frozen=True, slots=True)
class Cores:
    """`measured`: in the order in which processes get them. Without cores nothing is pinned."""

    measured: tuple[Core, ...]
    rest: tuple[Core, ...]

    @classmethod
    def of_this_machine(cls, processes: int = 1) -> "Cores":
        """A core for each of so many measured processes; what is left for the rest, or all where nothing is."""
        if not hasattr(os, "sched_getaffinity"):
            return cls((), ())
        found = sorted(os.sched_getaffinity(0))
        if len(found) < max(2, processes):
            return cls((), ())
        return cls(tuple(found[:processes]), tuple(found[processes:] or found))

    def of(self, number: int) -> list[Core]:
        """Those of measured process `number`; none: it is not pinned."""
        return [self.measured[number]] if self.measured else []


def pin(cores: Sequence[Core]) -> None:
    """This thread, and every thread it starts from now on. Without cores: nothing."""
    if cores:
        os.sched_setaffinity(0, cores)


@contextmanager
def kept_off(cores: Cores, broker: int | None) -> Iterator[None]:
    """Within the block the broker (a process id) and this thread leave the measured cores alone."""
    if not cores.rest:
        yield
        return
    before = sorted(os.sched_getaffinity(0))
    pin(cores.rest)
    _pin_process(broker, cores.rest)
    try:
        yield
    finally:
        _pin_process(broker, before)
        pin(before)


def busy_seconds(cores: Sequence[Core]) -> float:
    """What these cores have done since the machine started, whoever it was for."""
    times = psutil.cpu_times(percpu=True) if cores else []
    return float(sum(sum(times[core]) - _idle(times[core]) for core in cores))


def _idle(times: Any) -> float:
    """Guests are counted twice by the system, hence left out."""
    left_out = ("idle", "iowait", "guest", "guest_nice")
    return float(sum(getattr(times, name, 0.0) for name in left_out))


def _pin_process(process: int | None, cores: Sequence[Core]) -> None:
    """All its threads: one by one, as the system knows no other way."""
    if process is None:
        return
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
