"""One provider call behind its breaker: timed, logged, counted, and never an exception."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from connectors.delivery.deadlines import Deadlines
from connectors.delivery.fail_stop import frames_of
from connectors.delivery.guarded import Guarded
from connectors.delivery.incoming import Record
from connectors.delivery.meter import Meter
from connectors.delivery.providers import Providers
from ops.telemetry import logs, metrics
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent

Called = Callable[[str, Record, Outcome], None]  # the provider's name

_TOLD = ("delivery_id", "provider", "attempt", "duration_ms", "code", "outcome", "failure")
_WORDS: dict[type, str] = {Sent: "sent", RetryLater: "retry_later", DeadLetter: "dead_letter"}


class Caller:
    """Calls a provider. An exception out of it is a bug, and a bug must neither end us for ever nor lose a delivery:

    it counts as a transient failure, so the delivery is tried by its schedule and ends as a dead letter at the latest.
    """

    def __init__(self, providers: Providers, meter: Meter, at_most: timedelta, called: Called) -> None:
        """`at_most`: a call that took so long has failed, so that a hanging provider cannot keep a slot for ever.

        `called` is told how each call has ended.
        """
        self._providers, self._meter, self._called = providers, meter, called
        self._deadlines = Deadlines(at_most.total_seconds())
        self._log = logs.get(part="sender")
        self._uncounted: list[tuple[str, str, float, int, float | None]] = []
        self._lines = logs.Flood("provider call", _TOLD, part="sender")
        self._loop = asyncio.get_running_loop()  # each question for it costs a system call before Python 3.12

    async def call(self, chosen: Guarded, record: Record, message: Message) -> None:
        """Called in a task of its own."""
        provider, began = chosen.provider, time.monotonic()
        self._providers.begin(chosen, record, began)
        task = self._deadlines.begin(began)
        try:
            outcome = await provider.send(message)
        except asyncio.CancelledError:
            if not self._deadlines.is_over(task):
                raise
            outcome = self._failed(TimeoutError(), provider.name, record, began)
        except Exception as error:
            outcome = self._failed(error, provider.name, record, began)
        finally:
            self._deadlines.end(task)
        ended = time.monotonic()
        self._providers.ended(chosen, record, outcome, ended)
        self._tell(chosen.name, record, message, outcome, ended - began)
        self._called(chosen.name, record, outcome)

    def _failed(self, error: Exception, provider: str, record: Record, began: float) -> Outcome:
        duration_ms = (time.monotonic() - began) * 1000
        call = ProviderCall(
            provider, now_ms() - round(duration_ms), duration_ms, response=f"raised {type(error).__name__}"
        )
        return unexpected(error, record, call)

    def _tell(self, provider: str, record: Record, message: Message, outcome: Outcome, seconds: float) -> None:
        word, now = _WORDS.get(type(outcome), "other"), now_ms()
        call, failure = outcome.call, outcome.failure
        waited_s = max(0.0, (now - message.created_at) / 1000) if message.attempt == 1 else None
        self._uncounted.append((provider, word, seconds, record.lane[1], waited_s))
        if failure and failure.unlisted:
            metrics.UNLISTED_CODES.labels(provider).inc()
            self._log.warning("unlisted provider code", provider=provider, reason=failure.reason)
        code, reason = call.code if call else None, failure.reason if failure else None
        duration_ms = round(seconds * 100_000) / 100  # two digits; to round to digits takes four times as long
        if self._lines.add(now, message.delivery_id, provider, message.attempt, duration_ms, code, word, reason):
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Of all calls that ended in this turn of the loop."""
        logs.flush()
        uncounted, self._uncounted = self._uncounted, []
        for provider, word, seconds, priority, waited_s in uncounted:
            self._meter.call(provider, word, seconds)
            if waited_s is not None:
                self._meter.handed_over(priority, waited_s)


def unexpected(error: Exception, record: Record, call: ProviderCall | None = None) -> RetryLater:
    """A bug of ours as an outcome, told loudly: type and frames, not the text, which could quote a content."""
    name = type(error).__name__
    logs.get(part="sender").error(
        "unexpected error", error=name, delivery_id=record.delivery.delivery_id, frames=frames_of(error)
    )
    return RetryLater(Failure(FailureKind.TRANSIENT, f"unexpected error: {name}"), call)


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def in_ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
