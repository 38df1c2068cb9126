"""What a router with many recipients needs before it routes: seconds and memory."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from ops.bench.figures import Figure
from ops.bench.router.data import Mix
from ops.bench.router.process import Router, routing
from ops.bench.router.site import Site

Say = Callable[[str], None]

_SETTLE_SECONDS = 2.0
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """Seconds from the first moment of the load to ready; memory then, and the most it ever had, in MiB."""

    seconds: float
    memory_mib: float
    peak_mib: float


def measure(site: Site, recipients: int, say: Say) -> list[Figure]:
    """An empty table, then one with so many preferences. Named for a million, whatever the number."""
    empty = _recovered(site, Mix(0, unknown=0))
    full = _recovered(site, Mix(recipients, unknown=0))
    grown, peak = full.memory_mib - empty.memory_mib, full.peak_mib - empty.memory_mib
    say(f"{recipients:,} preferences: {full.seconds:.1f} s, {grown:,.0f} MiB, at most {peak:,.0f} MiB")
    millions = recipients / 1_000_000
    name = "million" if recipients == 1_000_000 else f"{recipients}_recipients"
    many = f"{recipients:,} preferences"
    return [
        Figure(f"recover_{name}_s", full.seconds, "s", f"from assignment to ready with {many}", f"< {5 * millions:g}"),
        Figure(f"recover_{name}_mib", grown, "MiB", f"memory of {many}", f"< {400 * millions:g}"),
        Figure(f"recover_{name}_peak_mib", peak, "MiB", f"memory of {many}, at most, while loading"),
        Figure("recover_empty_s", empty.seconds, "s", "the same with none: joining the group"),
        Figure("router_mib", empty.memory_mib, "MiB", "a router without preferences"),
    ]


def _recovered(site: Site, mix: Mix) -> Recovered:
    with ExitStack() as open_:
        inputs = open_.enter_context(site.ground.inputs(mix))
        outputs = open_.enter_context(site.ground.outputs("recover"))
        open_.enter_context(site.quiet())
        router = open_.enter_context(routing(site.order(inputs, outputs, Mix())))
        begin = _when(router, {"recovering", "ready"})
        ready = _when(router, {"ready"})
        if (loaded := router.preferences()) != mix.recipients:
            raise RuntimeError(f"ready with {loaded:,} of {mix.recipients:,} preferences")
        time.sleep(_SETTLE_SECONDS)
        memory = router.memory_mib()
        return Recovered(ready - begin, memory, max(memory, _peak_mib(router)))


def _when(router: Router, states: set[str]) -> float:
    deadline = time.perf_counter() + _LONGEST_SECONDS
    while router.state() not in states:
        if time.perf_counter() > deadline:
            raise RuntimeError(f"not {states} within {_LONGEST_SECONDS:g} s")
        time.sleep(0.01)
    return time.perf_counter()


def _peak_mib(router: Router) -> float:
    """The most memory it ever had (resident); 0: this system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{router.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
