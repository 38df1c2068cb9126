"""Servers that a supervisor killed with -9 has left behind, where the kernel sends them no death signal (macOS)."""

import contextlib
import signal
from pathlib import Path

from ops.devstack.failures import StackFailed
from ops.devstack.locks import take_lock
from ops.devstack.record import read_record

SAME_BIRTH_SECONDS = 2.0


def clear_leftovers(data: Path) -> int:
    """Take the lock that every server of this folder inherits; end old ones that still hold it.

    Recorded ids are trusted only while that lock is held and the process is as old as recorded. StackFailed when
    somebody keeps it for 20 s.
    """
    import psutil

    path = data / "servers.lock"
    if (held := take_lock(path, timeout_seconds=1)) is not None:
        return held
    for old in read_record(data).running.values():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(old.pid)
            if abs(process.create_time() - old.born) < SAME_BIRTH_SECONDS:
                process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    if (held := take_lock(path, timeout_seconds=20)) is None:
        raise StackFailed(f"servers of an earlier run still hold {path}")
    return held
