"""E-mails and webhooks of one core: ours beside the loop one would write, and beside job queues, on the same
deliveries, and whether all of them sent the same."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from ops.bench.figures import Figure
from ops.bench.sender.peers import Missing, missing
from ops.bench.sender.process import Contender, Family, running
from ops.bench.sender.same_message import differences
from ops.bench.sender.site import Site
from ops.bench.sender.stretch import Stretch, Watch
from streams.domain.notification import Channel

Say = Callable[[str], None]

CONTENDERS = {
    Channel.EMAIL: (Contender.OURS, Contender.EMAIL_LOOP, Contender.CELERY, Contender.SIDEKIQ),
    Channel.WEBHOOK: (Contender.OURS, Contender.WEBHOOK_LOOP),
}
LOOPS = {Channel.EMAIL: Contender.EMAIL_LOOP, Channel.WEBHOOK: Contender.WEBHOOK_LOOP}
_WARM_UP_SHARE = 0.1
_QUEUES = (Contender.CELERY, Contender.SIDEKIQ)


class Amounts(NamedTuple):
    """Deliveries of ours, of each of the others, and how often."""

    ours: int = 20_000
    others: int = 2_000
    runs: int = 3


@dataclass(slots=True)
class Results:
    """The stretches of each contender, the sink's own ceiling, messages that differ, and who could not run and why."""

    channel: Channel
    sink_per_s: float
    stretches: dict[Contender, list[Stretch]] = field(default_factory=dict)
    skipped: list[Missing] = field(default_factory=list)
    compared: int = 0
    different: list[str] = field(default_factory=list)

    def per_s(self, contender: Contender) -> float:
        return median(each.per_s for each in self.stretches[contender])

    def cpu_us(self, contender: Contender) -> float:
        return median(each.cpu_us for each in self.stretches[contender])

    def figures(self) -> list[Figure]:
        """Ratios by messages a second of a core that is busy; those of who could not run are left out."""
        name, ours = str(self.channel), self.per_s(Contender.OURS)
        aims = {"email": ("> 6,000", ">= 20"), "webhook": ("", ">= 10")}[name]
        made = [
            Figure(f"{name}_per_s", ours, f"{name}s/s", "our sender as shipped, one core", aims[0]),
            Figure(f"{name}_cpu_us", self.cpu_us(Contender.OURS), "us", "CPU of ours for each"),
            Figure(f"sink_{name}_per_s", self.sink_per_s, f"{name}s/s", "what the sink takes from one core"),
        ]
        if self.compared:
            what = f"ours and the others sent the same, of {self.compared} messages"
            made.append(Figure(f"{name}_same", float(not self.different), "", what, "1"))
        loop = LOOPS[self.channel]
        for contender, word, aim in (
            (loop, "idiomatic", aims[1]),
            (Contender.CELERY, "celery", ">= 5"),
            (Contender.SIDEKIQ, "sidekiq", ">= 5"),
        ):
            if contender in self.stretches:
                theirs = self.per_s(contender)
                made.append(Figure(f"{name}_ratio_{word}", ours / theirs, "x", f"ours / {word}", aim))
                by_cpu = self.cpu_us(contender) / self.cpu_us(Contender.OURS)
                made.append(Figure(f"{name}_ratio_{word}_cpu", by_cpu, "x", "the same by CPU"))
                made.append(Figure(f"{name}_{word}_per_s", theirs, f"{name}s/s", f"{word}, one core"))
        return made

    def rows(self) -> Sequence[tuple[str, ...]]:
        """For a table, in the order of HEAD."""
        ours, ours_us = self.per_s(Contender.OURS), self.cpu_us(Contender.OURS)
        return [
            (
                contender,
                " ".join(f"{each.per_s:,.0f}" for each in stretches),
                f"{self.per_s(contender):,.0f}",
                f"{ours / self.per_s(contender):.1f}",
                f"{self.cpu_us(contender):,.0f}",
                f"{self.cpu_us(contender) / ours_us:.1f}",
                f"{median(each.others_percent for each in stretches):.0f} %",
            )
            for contender, stretches in self.stretches.items()
        ]


HEAD = ("", "/s of each run", "median", "ours is x", "us CPU", "ours is x", "core lost to others")


def measure(site: Site, channel: Channel, amounts: Amounts, say: Say) -> Results:
    """One backlog a round; each contender of the channel works on it, or on the same in its queue."""
    results = Results(channel, ceiling(site, channel, max(20_000, amounts.ours)))
    say(f"the sink takes {results.sink_per_s:,.0f} {channel}s/s")
    contenders = []
    for contender in CONTENDERS[channel]:
        lack = missing(contender)
        if lack is None:
            contenders.append(contender)
            results.stretches[contender] = []
        else:
            results.skipped.append(lack)
            say(f"{contender} is left out: {lack.why}")
    for number in range(amounts.runs):
        _round(site, results, contenders, amounts, f"bench_{channel}_{number}_{time.monotonic_ns() % 10**9}", say)
    return results


def _round(
    site: Site, results: Results, contenders: Sequence[Contender], amounts: Amounts, name: str, say: Say
) -> None:
    channel = results.channel
    names = {contender: f"{name}_{contender}" for contender in contenders}
    for contender in contenders:
        if contender == LOOPS[channel]:
            site.begin_here(names[contender], channel)
    first, _ = site.fill(channel, amounts.ours)
    kept: dict[Contender, dict[int, bytes]] = {}
    for contender in contenders:
        of_queue = (first, first + amounts.others) if contender in _QUEUES else (0, 0)
        order = site.order(channel, names[contender], of_queue)
        site.sink.reset()
        with running(contender, order) as process:
            wanted = amounts.ours if contender is Contender.OURS else amounts.others
            stretch = _stretch(site, process, wanted)
            if contender is Contender.OURS:
                site.wait_until_committed(channel)
            kept[contender] = site.sink.kept()
        results.stretches[contender].append(stretch)
        say(f"{contender}: {stretch.per_s:,.0f} {channel}s/s, {stretch.cpu_us:,.0f} us CPU each")
    for contender in contenders[1:]:
        compared, found = differences(channel, kept[Contender.OURS], kept[contender])
        results.compared += compared
        results.different += [f"{contender}: {each}" for each in found]
        if not compared:
            results.different.append(f"{contender}: no message to compare")


def _stretch(site: Site, process: Family, messages: int) -> Stretch:
    watch = Watch(site, process)
    begin = watch.reached(max(1, int(messages * _WARM_UP_SHARE)))
    return begin.until(watch.reached(messages))


def ceiling(site: Site, channel: Channel, messages: int) -> float:
    """Messages a second that the sink takes from a core that has nothing else to do than to write them."""
    site.sink.reset()
    kind, port = ("smtp", site.sink.smtp_port) if channel is Channel.EMAIL else ("http", site.sink.http_port)
    cores = str(list(site.cores.of(0)))
    command = [sys.executable, "-m", "ops.bench.sender.ceiling", kind, str(port), str(messages), cores]
    with subprocess.Popen(command) as writing:
        try:
            begin = site.sink.wait(messages // 10)
            end = site.sink.wait(messages // 16 * 16)
        finally:
            writing.kill()
    return (end.messages - begin.messages) / (end.at - begin.at)
