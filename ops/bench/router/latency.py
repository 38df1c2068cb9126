"""Produce to routed: from the call that sends a notification to the arrival of its deliveries at a consumer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from ops.bench.figures import Figure, quantile
from ops.bench.router.data import Mix
from ops.bench.router.process import Contender, Running, running
from ops.bench.router.site import Site
from ops.bench.router.traffic import Seen, Traffic, rest, traffic, wait_until_routed
from ops.bench.router.window import Watch, Window
from streams.agents.router_topics import RouterTopics

Say = Callable[[str], None]

RATES = (500, 2_000)
_WARM_UP_SECONDS = 1.0
_WARM_UP_STRETCHES = 3
_CONTENDERS = (Contender.OURS, Contender.BARE_LOOP)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds at each rate, and how often all of it is done again."""

    seconds: float = 8.0
    rounds: int = 3


class Stretch(NamedTuple):
    """Milliseconds at one rate. `late_p99`: how late the sender itself was, the measure's own noise."""

    p50: float
    p99: float
    late_p99: float
    window: Window


@dataclass(slots=True)
class Latencies:
    """By contender and rate: the stretch of each round."""

    found: dict[tuple[Contender, int], list[Stretch]] = field(default_factory=dict)

    def p50(self, contender: Contender, rate: int) -> float:
        return median(each.p50 for each in self.found[contender, rate])

    def p99(self, contender: Contender, rate: int) -> float:
        return median(each.p99 for each in self.found[contender, rate])

    def figures(self) -> list[Figure]:
        ours, bare = Contender.OURS, Contender.BARE_LOOP
        slow, fast = RATES
        ratio = self.p99(ours, fast) / self.p99(bare, fast)
        return [
            Figure("routed_p50_ms", self.p50(ours, fast), "ms", f"produce to routed at {fast:,}/s, median"),
            Figure("routed_p99_ms", self.p99(ours, fast), "ms", f"produce to routed at {fast:,}/s, 99 %"),
            Figure("routed_p99_ratio_bare", ratio, "x", f"p99 at {fast:,}/s, ours / bare loop", "<= 2"),
            Figure(f"routed_p50_ms_{slow}", self.p50(ours, slow), "ms", f"produce to routed at {slow}/s, median"),
            Figure(f"routed_p99_ms_{slow}", self.p99(ours, slow), "ms", f"produce to routed at {slow}/s, 99 %"),
            Figure(f"routed_p99_ratio_bare_{slow}", self.p99(ours, slow) / self.p99(bare, slow), "x",
                   f"p99 at {slow}/s, ours / bare loop", "<= 2"),
            Figure("bare_loop_p50_ms", self.p50(bare, fast), "ms", f"bare loop at {fast:,}/s, median"),
            Figure("bare_loop_p99_ms", self.p99(bare, fast), "ms", f"bare loop at {fast:,}/s, 99 %"),
        ]  # fmt: skip

    def rows(self) -> Sequence[tuple[str, ...]]:
        """For a table, in the order of HEAD."""
        made = []
        for rate in RATES:
            ours = self.p99(Contender.OURS, rate)
            for contender in _CONTENDERS:
                rounds = " ".join(f"{each.p99:.1f}" for each in self.found[contender, rate])
                p50, p99, all_ = self.p50(contender, rate), self.p99(contender, rate), self.found[contender, rate]
                made.append(
                    (
                        f"{contender} at {rate:,}/s",
                        f"{p50:.1f}",
                        rounds,
                        f"{p99:.1f}",
                        f"{ours / p99:.2f}",
                        f"{median(each.window.cpu_us for each in all_):.0f}",
                        f"{median(each.late_p99 for each in all_):.1f}",
                        f"{median(each.window.others_percent for each in all_):.0f} %",
                    )
                )
        return made


HEAD = (
    "", "p50 ms", "p99 ms of each round", "median", "ours is x", "us CPU", "sender late ms", "core lost to others"
)  # fmt: skip


def measure(site: Site, mix: Mix, pace: Pace, say: Say) -> Latencies:
    """Ours and the bare loop in turns, each on new topics, each at every rate.

    One more goes before them and is not counted: the first has Kafka's Java runtime compile what all of them need.
    """
    found = Latencies({(contender, rate): [] for contender in _CONTENDERS for rate in RATES})
    say("warming up: not counted")
    _round(site, mix, Contender.BARE_LOOP, pace.seconds * _WARM_UP_STRETCHES, RATES[1:])
    for _ in range(pace.rounds):
        for contender in _CONTENDERS:
            for rate, each in _round(site, mix, contender, pace.seconds, RATES):
                found.found[contender, rate].append(each)
                say(f"{contender} at {rate:,}/s: p50 {each.p50:.1f} ms, p99 {each.p99:.1f} ms")
    return found


def _round(
    site: Site, mix: Mix, contender: Contender, seconds: float, rates: Sequence[int]
) -> Sequence[tuple[int, Stretch]]:
    with site.ground.inputs(mix) as inputs, site.ground.outputs(contender) as outputs:
        order = site.order(inputs, outputs, mix)
        with site.quiet(), running(contender, order) as process:
            return stretches(site, order.topics, mix, process, seconds, rates)


def stretches(
    site: Site, topics: RouterTopics, mix: Mix, process: Running, seconds: float, rates: Sequence[int] = RATES
) -> Sequence[tuple[int, Stretch]]:
    """One process at each rate, once it routes."""
    watch = Watch(site, topics, [process])
    with traffic(site.ground, topics, mix, topics.decisions, *topics.deliveries.values()) as moving:
        seen = Seen(topics.decisions)
        wait_until_routed(moving, seen, process)
        return [(rate, _stretch(moving, seen, watch, rate, seconds)) for rate in rates]


def _stretch(moving: Traffic, seen: Seen, watch: Watch, rate: int, seconds: float) -> Stretch:
    """One rate; what is sent in the first second does not count."""
    for arrival in moving.at_rate(rate, _WARM_UP_SECONDS, moving.send):
        seen.note(arrival)
    first = len(moving.sent)
    moving.late.clear()
    taken = []
    begin = watch.look()
    for arrivals in (moving.at_rate(rate, seconds, moving.send), rest(moving, seen)):
        for arrival in arrivals:
            if not seen.note(arrival) and arrival.number >= first:
                taken.append((arrival.at - moving.sent[arrival.number]) * 1000)
    window = begin.until(watch.look())
    return Stretch(quantile(taken, 0.5), quantile(taken, 0.99), quantile(moving.late, 0.99) * 1000, window)
