"""Events a second and CPU per event, all contenders in turns on the same data."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from ops.bench.figures import Figure
from ops.bench.router.data import Mix
from ops.bench.router.process import Contender, running
from ops.bench.router.same_records import Comparison, compare
from ops.bench.router.site import Site
from ops.bench.router.window import Watch, Window

Say = Callable[[str], None]

FULL_BATCH_MS = 100  # the bare loop waits so long for one; with a backlog it never has to


@dataclass(frozen=True, slots=True)
class Amounts:
    """`events` are measured in each run, after `warm_up` of the same; Faust gets the first `faust_events`."""

    events: int = 200_000
    runs: int = 3
    faust_events: int = 20_000
    faust_runs: int = 2

    @property
    def warm_up(self) -> int:
        return max(2_000, self.events // 10)

    @property
    def filled(self) -> int:
        return self.warm_up + self.events


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    contender: Contender
    linger_ms: float

    @property
    def is_faust(self) -> bool:
        return self.contender in (Contender.IDIOMATIC_FAUST, Contender.FAUST_TAKE)


OURS = Entry("ours", Contender.OURS, 0)  # which waits for nothing: a batch leaves when its records are through
BARE_LOOP = Entry("bare loop + fastavro", Contender.BARE_LOOP, 5)
BARE_LINGER_1 = Entry("bare loop, linger 1 ms", Contender.BARE_LOOP, 1)
IDIOMATIC_FAUST = Entry("idiomatic Faust", Contender.IDIOMATIC_FAUST, 0)
FAUST_TAKE = Entry("Faust take", Contender.FAUST_TAKE, 20)
ENTRIES = (OURS, BARE_LOOP, BARE_LINGER_1, IDIOMATIC_FAUST, FAUST_TAKE)


@dataclass(slots=True)
class Results:
    """The windows of each entry, and whether ours and the bare loop wrote the same."""

    windows: dict[Entry, list[Window]] = field(default_factory=dict)
    comparison: Comparison | None = None

    def events_per_s(self, entry: Entry) -> float:
        return median(each.events_per_s for each in self.windows[entry])

    def cpu_us(self, entry: Entry) -> float:
        return median(each.cpu_us for each in self.windows[entry])

    def broker_us(self, entry: Entry) -> float:
        return median(each.broker_us for each in self.windows[entry])

    def others_percent(self, entry: Entry) -> float:
        return median(each.others_percent for each in self.windows[entry])

    def figures(self) -> list[Figure]:
        rate, ours = self.events_per_s, self.events_per_s(OURS)
        made = [
            Figure("events_per_s", ours, "events/s", "ours as shipped, one core", "> 100,000"),
            Figure("cpu_us_per_event", self.cpu_us(OURS), "us", "CPU of ours for an event"),
            Figure("bare_loop_events_per_s", rate(BARE_LOOP), "events/s", "the bare loop, linger 5 ms, one core"),
            Figure("ratio_bare_loop", ours / rate(BARE_LOOP), "x", "ours / bare loop", ">= 2"),
            Figure("ratio_bare_loop_cpu", self.cpu_us(BARE_LOOP) / self.cpu_us(OURS), "x", "the same by CPU"),
            Figure("bare_loop_linger_1_events_per_s", rate(BARE_LINGER_1), "events/s", "the bare loop, linger 1 ms"),
            Figure("ratio_idiomatic_faust", ours / rate(IDIOMATIC_FAUST), "x", "ours / idiomatic Faust", ">= 20"),
            Figure("ratio_faust_take", ours / rate(FAUST_TAKE), "x", "ours / Faust take", ">= 15"),
        ]
        if self.comparison is not None:
            what = f"ours and the bare loop wrote the same: {self.comparison.told()}"
            made.append(Figure("same_records", float(self.comparison.same), "", what, "1"))
        return made


def measure(site: Site, mix: Mix, amounts: Amounts, say: Say) -> Results:
    """Fill the topics once, then run by run."""
    results = Results({entry: [] for entry in ENTRIES})
    with site.ground.inputs(mix) as inputs, ExitStack() as kept:
        site.ground.fill_notifications(inputs, mix, range(amounts.filled))
        first: dict[Entry, str] = {}
        for number, entry in _turns(amounts):
            with ExitStack() as passing:
                keep = number == 0 and entry in (OURS, BARE_LOOP)
                outputs = (kept if keep else passing).enter_context(site.ground.outputs(entry.contender))
                window = run(site, entry, (inputs, outputs), mix, amounts)
            results.windows[entry].append(window)
            say(f"{entry.name}: {window.events_per_s:,.0f} events/s, {window.cpu_us:.1f} us CPU an event")
            if keep:
                first[entry] = outputs
        results.comparison = compare(
            site.ground.bootstrap_servers, first[OURS], first[BARE_LOOP], decisions=amounts.filled
        )
        say(results.comparison.told())
    return results


def run(site: Site, entry: Entry, prefixes: tuple[str, str], mix: Mix, amounts: Amounts) -> Window:
    """One run of one contender. `prefixes`: of the topics to read and to write.

    From the first record after the warm-up to the last output; ours and the bare loop until all is committed too.
    """
    gather_ms = FULL_BATCH_MS if entry.contender is Contender.BARE_LOOP else 0
    order = site.order(*prefixes, mix, entry.linger_ms, gather_ms)
    with site.quiet(), running(entry.contender, order) as process:
        watch = Watch(site, order.topics, [process])
        if entry.is_faust:
            warm_up = min(1_000, amounts.faust_events)
            begin = watch.decided(warm_up)
            return begin.until(watch.decided(begin.events + amounts.faust_events))
        begin = watch.decided(amounts.warm_up)
        watch.decided(amounts.filled)
        return begin.until(watch.committed(order.group))


def _turns(amounts: Amounts) -> Iterator[tuple[int, Entry]]:
    """Whose turn it is: each once, then each again, so that what the machine does meanwhile hits all alike."""
    for number in range(amounts.runs):
        for entry in ENTRIES:
            if number < amounts.faust_runs or not entry.is_faust:
                yield number, entry


def rows(results: Results) -> Sequence[tuple[str, ...]]:
    """For a table, in the order of HEAD."""
    ours, ours_us = results.events_per_s(OURS), results.cpu_us(OURS)
    return [
        (
            entry.name,
            " ".join(f"{each.events_per_s:,.0f}" for each in windows),
            f"{results.events_per_s(entry):,.0f}",
            f"{ours / results.events_per_s(entry):.2f}",
            f"{results.cpu_us(entry):.1f}",
            f"{results.cpu_us(entry) / ours_us:.2f}",
            f"{results.broker_us(entry):.1f}",
            f"{results.others_percent(entry):.0f} %",
        )
        for entry, windows in results.windows.items()
    ]


HEAD = ("", "events/s of each run", "median", "ours is x", "us CPU", "ours is x", "us of Kafka", "core lost to others")
