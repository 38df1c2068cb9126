"""The sender's metrics with their labels bound once: a look-up of labels per delivery costs more than the count."""

from collections.abc import Callable
from functools import cache

from prometheus_client import Counter, Gauge

from connectors.delivery.policy import PRIORITIES, SenderPolicy
from ops.telemetry import metrics
from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind


class Meter:
    """Counts for one channel."""

    def __init__(self, policy: SenderPolicy) -> None:
        channel = self._channel = str(policy.channel)
        self.ambiguous = metrics.AMBIGUOUS.labels(channel)
        self.duplicates = metrics.DUPLICATES.labels(channel)
        self._handed_over = [metrics.HANDED_OVER_SECONDS.of(channel, str(p)) for p in PRIORITIES]
        self._statuses = cache(lambda number, status: metrics.DELIVERIES.of(channel, PRIORITIES[number], status))
        self._dead_letters = cache(lambda kind: metrics.DEAD_LETTERS.labels(policy.name, kind))
        self._calls = cache(
            lambda provider, outcome: (
                metrics.PROVIDER_CALLS.of(channel, provider, outcome),
                metrics.PROVIDER_SECONDS.of(channel, provider),
            )
        )
        self._failovers = cache(lambda provider: metrics.FAILOVERS.labels(channel, provider))
        self._limited = cache(lambda limit: metrics.LIMITED.labels(channel, limit))

    def watch(self, in_flight: Callable[[], int], parked: Callable[[], int]) -> None:
        """Read these two whenever the metrics are asked for."""
        metrics.IN_FLIGHT.labels(self._channel).set_function(in_flight)
        metrics.PARKED.labels(self._channel).set_function(parked)

    def status(self, priority: int, status: Status) -> None:
        """A status is written; the priority as a number."""
        self._statuses(priority, status)()

    def dead_letter(self, kind: DeadLetterKind) -> Counter:
        return self._dead_letters(kind)

    def call(self, provider: str, outcome: str, seconds: float) -> None:
        count, observe = self._calls(provider, outcome)
        count()
        observe(seconds, 1)

    def breaker(self, provider: str) -> Gauge:
        return metrics.BREAKER.labels(self._channel, provider)

    def failover(self, provider: str) -> Counter:
        return self._failovers(provider)

    def limited(self, limit: str) -> Counter:
        """`limit`: provider, tenant or recipient, or at_once."""
        return self._limited(limit)

    def handed_over(self, priority: int, seconds: float) -> None:
        self._handed_over[priority](seconds, 1)
