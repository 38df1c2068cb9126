"""Tidings: a backlog of events that everything works on at once, and events at a steady rate."""

import time
from collections.abc import Callable
from typing import NamedTuple

from ops.bench.figures import quantile
from ops.bench.router.filling import Filling
from ops.bench.whole.site import Whole
from streams.domain.notification import Channel

Say = Callable[[str], None]

RATE = 500
_WARM_UP_SECONDS = 3.0
_SENT = "select count(*) from deliveries where channel = '{}' and status in ('sent', 'delivered')"


class Backlog(NamedTuple):
    """So many events, from the moment they were there to the last status in PostgreSQL; CPU seconds by process."""

    events: int
    seconds: float
    cpu_seconds: dict[str, float]

    @property
    def per_s(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        return sum(self.cpu_seconds.values()) / self.events * 1e6


def backlog(whole: Whole, channel: Channel, events: int, say: Say) -> Backlog:
    """All events become visible at once; over when the sink has every message and PostgreSQL every status."""
    hidden = whole.hidden(channel, events)
    whole.sink.reset()
    before, began = whole.cpu_seconds(), time.monotonic()
    hidden.show()
    whole.sink.wait(events)
    whole.wait_for_rows(_SENT.format(channel), whole.written[channel])
    seconds, after = time.monotonic() - began, whole.cpu_seconds()
    found = Backlog(events, seconds, {name: after[name] - before.get(name, 0.0) for name in after})
    say(f"{events:,} {channel}s: {found.per_s:,.0f}/s, {found.cpu_s_per_million:,.0f} CPU s for a million")
    return found


def warm_up(whole: Whole, seconds: float, say: Say) -> None:
    """Both channels at the steady rate: Kafka's Java runtime compiles what it runs, as it has long done in service."""
    p50, _ = latency(whole, seconds, lambda _: None)
    say(f"warm after {seconds + _WARM_UP_SECONDS:g} s (p50 {p50:.1f} ms)")


def latency(whole: Whole, seconds: float, say: Say) -> tuple[float, float]:
    """(p50, p99) in ms from writing an event to its arrival at the sink, at 500/s, e-mail and webhook in turns."""
    filling = Filling(whole.endpoints.kafka_bootstrap_servers, **{"linger.ms": 0})
    whole.sink.reset()
    made, soon = [], time.time_ns() // 1_000_000
    for at in range(int(RATE * (seconds + _WARM_UP_SECONDS))):  # before the clock runs: it takes from the same cores
        number, channel = whole.next(), (Channel.EMAIL, Channel.WEBHOOK)[at % 2]
        made.append((number, whole.made(channel, number, soon + at * 1000 // RATE)))
    written: dict[int, float] = {}
    begin = time.monotonic()
    for at, (number, record) in enumerate(made):
        wait = begin + at / RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        written[number] = time.monotonic()
        filling.write(*record)
    filling.flush()
    whole.sink.wait(len(written))
    first = min(written) + int(RATE * _WARM_UP_SECONDS)
    delays = [(each.at - written[each.number]) * 1000 for each in whole.sink.arrivals() if each.number >= first]
    p50, p99 = quantile(delays, 0.5), quantile(delays, 0.99)
    say(f"at {RATE}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return p50, p99
