"""Routed to handed over: from the moment a delivery is written to Kafka to its arrival at the relay."""

from collections.abc import Callable
from statistics import median

from ops.bench.figures import Figure, quantile
from ops.bench.sender.process import Contender, running
from ops.bench.sender.site import Site
from ops.bench.sender.steady import Steady
from streams.domain.notification import Channel

Say = Callable[[str], None]

RATE = 500
_WARM_UP_SECONDS = 2.0


def measure(site: Site, seconds: float, runs: int, say: Say) -> list[Figure]:
    """At 500/s; what is written in the first two seconds does not count."""
    found = []
    for _ in range(runs):
        site.sink.reset()
        with running(Contender.OURS, site.order(Channel.EMAIL, "latency")) as process:
            steady = Steady(site)
            first = steady.at_rate(RATE, 0.1)
            site.sink.wait(len(first))
            process.check()
            warm_up = steady.at_rate(RATE, _WARM_UP_SECONDS)
            counted = steady.at_rate(RATE, seconds)
            site.sink.wait(len(first) + len(warm_up) + len(counted))
            delays = steady.delays_ms(counted, site.sink.arrivals())
            site.wait_until_committed(Channel.EMAIL)
        found.append((quantile(delays, 0.5), quantile(delays, 0.99)))
        say(f"at {RATE}/s: p50 {found[-1][0]:.1f} ms, p99 {found[-1][1]:.1f} ms")
    return [
        Figure("handed_over_p50_ms", median(p50 for p50, _ in found), "ms", f"at {RATE}/s, median", "< 5"),
        Figure("handed_over_p99_ms", median(p99 for _, p99 in found), "ms", f"at {RATE}/s, 99 %", "< 20"),
    ]
