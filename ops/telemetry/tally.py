"""Counters and histograms for what is counted by the thousand: a tenth of the time of those of prometheus_client.

They take no lock, and a histogram takes one value many times at once. To a scraper they look like the library's.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString


class TallyCounter(Collector):
    """Looks to a scraper like prometheus_client.Counter with labels. Counted by one thread, read by any."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._name, self._documentation, self.labels = name, documentation, tuple(labels)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        registry.register(self)

    def of(self, *values: str) -> Callable[[], None]:
        """add() for these values of the labels."""
        count = self._counts.setdefault(values, [0])

        def add() -> None:
            count[0] += 1

        return add

    def describe(self) -> Iterator[Metric]:
        """The family without samples: the registry asks for its name."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self.labels)

    def collect(self) -> Iterator[Metric]:
        """The family with its samples."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self.labels)
        for values, count in list(self._counts.items()):
            family.add_metric(values, count[0])
        yield family


class TallyHistogram(Collector):
    """Looks to a scraper like prometheus_client.Histogram with labels. Observed by one thread, read by any."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._name, self._documentation, self.labels = name, documentation, tuple(labels)
        self._bounds = [*buckets, float("inf")]
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], list[float]] = {}
        registry.register(self)

    def of(self, *values: str) -> Callable[[float, int], None]:
        """observe(amount, times) for these values of the labels."""
        counts = self._counts.setdefault(values, [0] * len(self._bounds))
        total, bounds = self._sums.setdefault(values, [0.0]), self._bounds

        def observe(amount: float, times: int) -> None:
            counts[bisect_left(bounds, amount)] += times
            total[0] += amount * times

        return observe

    def describe(self) -> Iterator[Metric]:
        """The family without samples: the registry asks for its name."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self.labels)

    def collect(self) -> Iterator[Metric]:
        """The family with its samples."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self.labels)
        for values, counts in list(self._counts.items()):
            bounds = map(floatToGoString, self._bounds)
            family.add_metric(
                values, list(zip(bounds, map(float, accumulate(counts)), strict=True)), self._sums[values][0]
            )
        yield family
