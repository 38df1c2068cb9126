"""Kernel locks: the truth about what runs. They end with their last holder, however that one ended."""

import fcntl
import os
import time
from pathlib import Path


def take_lock(path: Path, timeout_seconds: float = 0) -> int | None:
    """Take the lock on this file (made when absent) and return its descriptor; None when it stays held.

    Closing the descriptor gives the lock back. A child that inherits it holds the lock too.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.05)


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read, in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)
