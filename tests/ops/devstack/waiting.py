"""Waiting for what must become true, and asking what became of processes."""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from ops.devstack import ProcessSpec
from ops.devstack.locks import take_lock
from ops.devstack.record import read_record

STAND_IN = Path(__file__).with_name("stand_in.py")
METRICS = ("TIDINGS_METRICS_PORT",)


def eventually(holds: Callable[[], Any], what: str, seconds: float = 10) -> None:
    """Return as soon as it holds; AssertionError when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def all_pids(data: Path) -> list[int]:
    """Supervisor, servers and processes of a running stack, and their children."""
    record = read_record(data)
    listed = [record.supervisor, *(each.pid for each in record.running.values())]
    children = [child.pid for pid in listed for child in psutil.Process(pid).children(recursive=True)]
    return sorted({*listed, *children})


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it may also end between two looks
        return False


def alive(pids: list[int]) -> list[int]:
    """Those that still run (a zombie is dead)."""
    return [pid for pid in pids if _is_alive(pid)]


def alive_on(data: Path) -> list[int]:
    """Processes whose command names this folder."""
    found = psutil.process_iter(["pid", "cmdline"])
    return [each.pid for each in found if any(str(data) in word for word in each.info["cmdline"] or [])]


def nothing_left(data: Path, pids: list[int]) -> bool:
    """No process is alive, and nobody holds the locks that every one of them inherits."""
    if alive(pids):
        return False
    for name in ("supervisor.lock", "servers.lock"):
        if (held := take_lock(data / name)) is None:
            return False
        os.close(held)
    return True


def stand_in(name: str, what: str, *more: str, variables: tuple[str, ...] = METRICS) -> ProcessSpec:
    """A process of tests/ops/devstack/stand_in.py."""
    return ProcessSpec(name, (sys.executable, str(STAND_IN), what, *more), variables)


def get_json(url: str) -> Any:
    """The JSON that a GET gives."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)
