"""Ends a stack from outside."""

import os
import signal
import time
from pathlib import Path

from ops.devstack.failures import StackFailed
from ops.devstack.leftovers import clear_leftovers
from ops.devstack.record import read_record, supervised

END_SECONDS = 60


def take_down(data: Path) -> bool:
    """Stop the stack on this folder, also one that is starting, and return when it is gone; False when none ran.

    Servers that a killed supervisor left are ended too. StackFailed when it does not stop within 60 s.
    """
    if not supervised(data):
        if data.exists():
            os.close(clear_leftovers(data))
        return False
    deadline, told = time.monotonic() + END_SECONDS, 0
    while supervised(data):
        pid = read_record(data).supervisor
        if pid != told and _is_supervisor(pid):  # one that just began may not have written its id yet
            os.kill(pid, signal.SIGTERM)
            told = pid
        if time.monotonic() > deadline:
            raise StackFailed(f"the stack on {data} does not stop; its supervisor is process {pid}")
        time.sleep(0.05)
    return True


def _is_supervisor(pid: int) -> bool:
    import psutil

    try:
        return "ops.devstack.supervisor" in psutil.Process(pid).cmdline()
    except (psutil.Error, ValueError):
        return False
