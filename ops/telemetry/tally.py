"""A histogram that takes one value many times at once: for code that counts per batch and not per record."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString


class TallyHistogram(Collector):
    """Looks to a scraper like prometheus_client.Histogram with one label. Observed by one thread, read by any."""

    def __init__(
        self,
        name: str,
        documentation: str,
        label: str,
        buckets: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self.label = label
        self._bounds = [*buckets, float("inf")]
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def of(self, value: str) -> Callable[[float, int], None]:
        """observe(amount, times) for one value of the label."""
        counts = self._counts.setdefault(value, [0] * len(self._bounds))

        def observe(amount: float, times: int) -> None:
            counts[bisect_left(self._bounds, amount)] += times
            self._sums[value] = self._sums.get(value, 0.0) + amount * times

        return observe

    def describe(self) -> Iterator[Metric]:
        """The family without samples: the registry asks for its name."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=[self.label])

    def collect(self) -> Iterator[Metric]:
        """The family with its samples."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self.label])
        for value, counts in list(self._counts.items()):
            bounds = map(floatToGoString, self._bounds)
            family.add_metric(
                [value], list(zip(bounds, map(float, accumulate(counts)), strict=True)), self._sums.get(value, 0.0)
            )
        yield family
