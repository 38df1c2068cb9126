"""What it costs to do nothing, and how long it takes to be there."""

import time
from dataclasses import dataclass

import psutil

from ops.bench.figures import Figure
from ops.devstack import Stack


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds used so far and memory in MiB (shared pages counted once each: PSS where the system tells it)."""

    cpu_seconds: float
    memory_mib: float


def measure(stack: Stack, start_seconds: float, settle_seconds: float, seconds: float) -> list[Figure]:
    """Wait until it is quiet, then watch for a while."""
    time.sleep(settle_seconds)
    before, began = _costs(stack), time.monotonic()
    time.sleep(seconds)
    after, passed = _costs(stack), time.monotonic() - began
    percent = {
        name: (after[name].cpu_seconds - before[name].cpu_seconds) / passed * 100 for name in after if name in before
    }
    figures = [
        Figure("idle_cpu_percent", sum(percent.values()), "% of a core", "everything, doing nothing", "< 10"),
        Figure("idle_memory_mib", sum(c.memory_mib for c in after.values()), "MiB", "everything", "< 1024"),
        Figure("start_s", start_seconds, "s", "from the command to ready, warm", "< 15"),
    ]
    for name, took in sorted(stack.start_seconds.items()):
        figures.append(Figure(f"start_s.{name}", took, "s", f"{name}, started beside the others"))
    for name in sorted(after):
        figures.append(Figure(f"idle_cpu_percent.{name}", percent.get(name, 0.0), "% of a core", name))
        figures.append(Figure(f"idle_memory_mib.{name}", after[name].memory_mib, "MiB", name))
    return figures


def _costs(stack: Stack) -> dict[str, Cost]:
    """By name of server and process; `supervisor` carries the mail catcher and the webhook receiver."""
    pids = stack.pids()
    parent = psutil.Process(next(iter(pids.values()))).parent()
    found = {name: _cost(psutil.Process(pid), deep=True) for name, pid in pids.items()}
    if parent is not None:
        found["supervisor"] = _cost(parent, deep=False)
    return found


def _cost(process: psutil.Process, deep: bool) -> Cost:
    family = [process, *(process.children(recursive=True) if deep else [])]
    cpu = sum(each.cpu_times().user + each.cpu_times().system for each in family)
    return Cost(cpu, sum(_memory(each) for each in family) / 2**20)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):
        return int(process.memory_info().rss)
