"""Priorities: high ones while a flood of low ones waits, and what is left for low when all three wait."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ops.bench.figures import Figure, quantile
from ops.bench.sender.process import Contender, Family, running
from ops.bench.sender.sink_link import Arrival
from ops.bench.sender.site import Site
from ops.bench.sender.steady import Steady
from streams.domain.notification import Channel, Priority

Say = Callable[[str], None]

HIGH_RATE = 40
_BEGUN_SHARE, _OVER_SHARE = 0.05, 0.9
_EMAIL = Channel.EMAIL


def measure(site: Site, flood: int, seconds: float, say: Say) -> list[Figure]:
    """`flood`: low deliveries that wait while high ones come at 40/s; a third of it of each priority for the shares."""
    idle, under = _high(site, flood, seconds, say)
    share = _low_share(site, flood // 3, say)
    return [
        Figure("high_under_flood_ratio", under / idle, "x", f"p99 of high under {flood:,} low / without", "<= 2"),
        Figure("high_idle_p99_ms", idle, "ms", "written to handed over of high, nothing else, 99 %"),
        Figure("high_under_flood_p99_ms", under, "ms", f"the same while {flood:,} low wait"),
        Figure("low_share_under_flood", share, "", "of what is sent while all three priorities wait", ">= 0.0476"),
    ]


def _high(site: Site, flood: int, seconds: float, say: Say) -> tuple[float, float]:
    """(p99 of high in ms without, and under the flood)."""
    site.sink.reset()
    with running(Contender.OURS, site.order(_EMAIL, "flood")):
        steady = Steady(site)
        first = steady.at_rate(HIGH_RATE, 1.0, Priority.HIGH)
        site.sink.wait(len(first))
        alone = steady.at_rate(HIGH_RATE, seconds, Priority.HIGH)
        site.sink.wait(len(first) + len(alone))
        idle = quantile(steady.delays_ms(alone, site.sink.arrivals()), 0.99)
        say(f"high alone: p99 {idle:.1f} ms of {len(alone)}")
        site.wait_until_committed(_EMAIL)
    delays = _under_flood(site, flood)
    under = quantile(delays, 0.99)
    say(f"high under {flood:,} low: p99 {under:.1f} ms of {len(delays)}")
    return idle, under


def _under_flood(site: Site, flood: int) -> list[float]:
    """Milliseconds of each high one that was written while low ones waited."""
    site.fill(_EMAIL, flood, Priority.LOW)
    site.sink.reset()
    with running(Contender.OURS, site.order(_EMAIL, "flood")) as process, ThreadPoolExecutor(1) as beside:
        steady = Steady(site)
        site.sink.wait(int(flood * _BEGUN_SHARE))
        over = beside.submit(site.sink.wait, int(flood * _OVER_SHARE))
        begin = site.filled
        while not over.done():
            process.check()
            steady.at_rate(HIGH_RATE, 0.2, Priority.HIGH)
        over.result()
        site.sink.wait(flood + len(steady.written))
        delays = steady.delays_ms(range(begin, site.filled), site.sink.arrivals())
        site.wait_until_committed(_EMAIL)
    return delays


def _low_share(site: Site, each: int, say: Say) -> float:
    """Of what came between the moment all were at work and the moment the first priority ran out."""
    for priority in Priority:
        site.fill(_EMAIL, each, priority)
    site.sink.reset()
    with running(Contender.OURS, site.order(_EMAIL, "shares")) as process:
        _all_came(site, process, 3 * each)
        arrivals = site.sink.arrivals()
        site.wait_until_committed(_EMAIL)
    share = low_share(arrivals, each)
    say(f"all three waiting: low has {share:.1%}")
    return share


def _all_came(site: Site, process: Family, messages: int) -> None:
    while site.sink.count().messages < messages:
        process.check()
        time.sleep(0.1)


def low_share(arrivals: Sequence[Arrival], each: int) -> float:
    """Low among what came while high had not run out. `each`: how many there were of a priority.

    What came before all had begun does not count: a tenth of high at least; half at most, which shows who starves.
    """
    high = [at for at, arrival in enumerate(arrivals) if arrival.priority == "h"]
    firsts = [next((at for at, arrival in enumerate(arrivals) if arrival.priority == p), len(arrivals)) for p in "nl"]
    begin = min(max(high[each // 10], *firsts), high[each // 2])
    between = arrivals[begin : high[each * 9 // 10]]
    return sum(arrival.priority == "l" for arrival in between) / len(between)
