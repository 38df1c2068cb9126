"""What our sender costs without a provider: lanes, claims, statuses, offsets."""

import time
from collections.abc import Callable
from statistics import median

from ops.bench.figures import Figure
from ops.bench.sender.process import Contender, running
from ops.bench.sender.site import Site
from ops.bench.sender.stretch import LEAST_BY_COMMITS, Stretch, Watch
from streams.domain.notification import Channel

Say = Callable[[str], None]

_WARM_UP_SHARE = 0.2


def measure(site: Site, deliveries: int, runs: int, say: Say) -> list[Figure]:
    """CPU of the whole process for a delivery, from the record to its committed offset; of 40,000 of them or more."""
    stretches = []
    for _ in range(runs):
        stretch = _run(site, max(deliveries, LEAST_BY_COMMITS))
        stretches.append(stretch)
        say(f"machinery: {stretch.per_s:,.0f} deliveries/s, {stretch.cpu_us:.1f} us CPU each")
    return [
        Figure("machinery_us", median(each.cpu_us for each in stretches), "us", "CPU of a delivery, no-op provider",
               "<= 25"),
        Figure("machinery_per_s", median(each.per_s for each in stretches), "deliveries/s", "the same by the clock"),
    ]  # fmt: skip


def _run(site: Site, deliveries: int) -> Stretch:
    channel = Channel.EMAIL
    site.fill(channel, deliveries)

    def committed() -> tuple[float, int]:
        return time.monotonic(), deliveries - site.lag(channel)

    with running(Contender.MACHINERY, site.order(channel, "machinery")) as process:
        watch = Watch(site, process, committed)
        begin = watch.reached(int(deliveries * _WARM_UP_SHARE))
        return begin.until(watch.reached(deliveries))
