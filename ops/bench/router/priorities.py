"""High notifications while a flood of low ones waits: how soon they are routed, and whether low still moves."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from ops.bench.figures import Figure, quantile
from ops.bench.router.data import Mix
from ops.bench.router.process import Contender, running
from ops.bench.router.site import Site
from ops.bench.router.traffic import Arrival, Seen, Traffic, rest, traffic
from ops.bench.router.window import Reading, Watch
from streams.domain.notification import Channel, Priority

Say = Callable[[str], None]

HIGH_RATE = 40
HIGH_TYPE = "password.reset"  # nobody can mute it: each causes a delivery
_BEGUN_SHARE, _OVER_SHARE = 0.02, 0.98  # of the flood: it is on, it is over
_STRETCH_SECONDS = 0.1


def measure(site: Site, mix: Mix, flood: int, say: Say) -> list[Figure]:
    """So many low ones wait; high ones come at 40/s for as long as they last."""
    with site.ground.inputs(mix) as inputs, site.ground.outputs("flood") as outputs:
        site.ground.fill_notifications(inputs, mix, range(flood), priority=Priority.LOW)
        order = site.order(inputs, outputs, mix)
        high = order.topics.deliveries[Channel.EMAIL, Priority.HIGH]
        with (
            site.quiet(),
            running(Contender.OURS, order) as process,
            traffic(site.ground, order.topics, mix, high) as moving,
        ):
            taken, low = _under_flood(moving, Watch(site, order.topics, [process]), Seen(high), flood)
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    say(f"{len(taken)} high ones under {flood:,} low: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return [
        Figure("high_under_flood_p99_ms", p99, "ms", f"produce to routed of high while {flood:,} low wait, 99 %",
               "< 100"),
        Figure("high_under_flood_p50_ms", p50, "ms", "the same, median"),
        Figure("high_under_flood", len(taken), "", "how many high ones that rests on"),
        Figure("low_under_high_events_per_s", low, "events/s", "low meanwhile", "> 0"),
    ]  # fmt: skip


def _under_flood(moving: Traffic, watch: Watch, seen: Seen, flood: int) -> tuple[list[float], float]:
    """(milliseconds of each high one, low ones a second)."""
    taken = []
    begin = watch.decided(int(_BEGUN_SHARE * flood))

    def send() -> None:
        moving.send(priority=Priority.HIGH, type=HIGH_TYPE)

    def stretches(over: "Future[Reading]") -> Iterator[Arrival]:
        while not over.done():
            yield from moving.at_rate(HIGH_RATE, _STRETCH_SECONDS, send)
        yield from rest(moving, seen)

    with ThreadPoolExecutor(1) as beside:  # so that counting the low ones does not delay the clock of the high ones
        over = beside.submit(watch.decided, int(_OVER_SHARE * flood))
        for arrival in stretches(over):
            if seen.note(arrival):
                taken.append((arrival.at - moving.sent[arrival.number]) * 1000)
        window = begin.until(over.result())
    return taken, (window.events - len(moving.sent)) / window.seconds
