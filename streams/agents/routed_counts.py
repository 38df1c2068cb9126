"""What one batch adds to the router's metrics: counted in plain dicts, reported once."""

from collections import Counter
from collections.abc import Sequence

from ops.telemetry import metrics
from streams.agents.plans import Plan
from streams.domain.decision import ChannelDecision
from streams.domain.notification import Priority


class RoutedCounts:
    """Counts of one batch; all its records have one priority. `now`: milliseconds since 1970-01-01 UTC."""

    __slots__ = ("_dead", "_decided", "_now", "_plans", "_priority", "_times")

    def __init__(self, priority: Priority, now: int) -> None:
        self._priority = priority
        self._now = now
        self._times: list[int] = []
        self._plans: list[Plan] = []
        self._decided: list[Sequence[ChannelDecision]] = []
        self._dead: Counter[str] = Counter()

    def spliced(self, plan: Plan, written_at: int) -> None:
        """One notification, in Kafka since `written_at`, followed a plan."""
        self._plans.append(plan)
        self._times.append(written_at)

    def decided(self, channels: Sequence[ChannelDecision], written_at: int) -> None:
        """One notification, in Kafka since `written_at`, was decided on anew."""
        self._decided.append(channels)
        self._times.append(written_at)

    def dead(self, kind: str) -> None:
        """One record went to the dead letters."""
        self._dead[kind] += 1

    def report(self) -> None:
        """Add all of it to the metrics."""
        metrics.ROUTED.labels(self._priority).inc(len(self._times))
        observe = metrics.ROUTED_SECONDS.of(self._priority)
        for written_at, times in Counter(self._times).items():
            observe(max(self._now - written_at, 0) / 1000, times)
        for labels, times in self._by_channel().items():
            metrics.DECIDED.labels(*labels).inc(times)
        for kind, count in self._dead.items():
            metrics.DEAD_LETTERS.labels("router", kind).inc(count)

    def _by_channel(self) -> Counter[tuple[str, ...]]:
        counted: Counter[tuple[str, ...]] = Counter()
        alike = [(plan.channels, times) for plan, times in Counter(self._plans).items()]
        for channels, times in [*alike, *((channels, 1) for channels in self._decided)]:
            for each in channels:
                counted[each.channel, each.action, each.layer] += times
        return counted
