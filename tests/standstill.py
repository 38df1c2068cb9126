"""A server of a stack that stands still: SIGSTOP, and the moment at which none of its threads runs any more."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ops.devstack import Stack

_SECONDS = 10.0


@contextmanager
def standing_still(stack: Stack, service: str) -> Iterator[None]:
    """Within the block; a thread that still runs for a moment after the signal could answer."""
    stack.signal(service, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + _SECONDS
        while not _stands(stack.pids()[service]):
            assert time.monotonic() < deadline, f"{service} goes on"
            time.sleep(0.005)
        yield
    finally:
        stack.signal(service, signal.SIGCONT)


def _stands(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.exists():
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
    return all(state in "Tt" for state in states)
