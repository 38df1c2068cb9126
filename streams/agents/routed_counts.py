"""What one batch adds to the router's metrics: counted in plain dicts, reported once."""

from collections import Counter
from collections.abc import Iterable

from ops.telemetry import metrics
from streams.domain.decision import Action, ChannelDecision
from streams.domain.notification import Channel, Priority
from streams.domain.preferences import Layer


class RoutedCounts:
    """Counts of one batch; all its records have one priority."""

    __slots__ = ("_channels", "_dead", "_lags", "_priority")

    def __init__(self, priority: Priority) -> None:
        self._priority = priority
        self._lags: list[float] = []
        self._channels: Counter[tuple[Channel, Action, Layer]] = Counter()
        self._dead: Counter[str] = Counter()

    def decided(self, channels: Iterable[ChannelDecision], lag_ms: int) -> None:
        """One notification was decided on, `lag_ms` after it was created."""
        self._lags.append(max(lag_ms, 0) / 1000)
        for each in channels:
            self._channels[each.channel, each.action, each.layer] += 1

    def dead(self, kind: str) -> None:
        """One record went to the dead letters."""
        self._dead[kind] += 1

    def report(self) -> None:
        """Add all of it to the metrics."""
        metrics.ROUTED.labels(self._priority).inc(len(self._lags))
        observe = metrics.ROUTED_SECONDS.labels(self._priority).observe
        for lag in self._lags:
            observe(lag)
        for (channel, action, layer), count in self._channels.items():
            metrics.DECIDED.labels(channel, action, layer).inc(count)
        for kind, count in self._dead.items():
            metrics.DEAD_LETTERS.labels("router", kind).inc(count)
