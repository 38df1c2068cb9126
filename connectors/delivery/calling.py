"""One provider call: timed, logged, counted, and never an exception."""

import asyncio
import time
from datetime import timedelta

from connectors.delivery.fail_stop import frames_of
from connectors.delivery.incoming import Record
from connectors.delivery.meter import Meter
from connectors.delivery.outgoing import call_of, failure_of
from ops.telemetry import logs, metrics
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent
from streams.domain.ports import Provider

_WORDS: dict[type, str] = {Sent: "sent", RetryLater: "retry_later", DeadLetter: "dead_letter"}


class Caller:
    """Calls a provider. An exception out of it is a bug, and a bug must neither end us for ever nor lose a delivery:

    it counts as a transient failure, so the delivery is tried by its schedule and ends as a dead letter at the latest.
    """

    def __init__(self, meter: Meter, at_most: timedelta) -> None:
        """`at_most`: a call that took so long has failed, so that a hanging provider cannot keep a slot for ever."""
        self._meter = meter
        self._at_most_s = at_most.total_seconds()
        self._log = logs.get(part="sender")

    async def call(self, provider: Provider, record: Record, message: Message) -> Outcome:
        """How the attempt ended."""
        began, started_at = time.perf_counter(), now_ms()
        try:
            async with asyncio.timeout(self._at_most_s):
                outcome = await provider.send(message)
        except Exception as error:
            duration_ms = (time.perf_counter() - began) * 1000
            call = ProviderCall(provider.name, started_at, duration_ms, response=f"raised {type(error).__name__}")
            outcome = unexpected(error, record, call)
        seconds = time.perf_counter() - began
        self._tell(provider.name, record, message, outcome, seconds)
        return outcome

    def _tell(self, provider: str, record: Record, message: Message, outcome: Outcome, seconds: float) -> None:
        word = _WORDS.get(type(outcome), "other")
        call, failure = call_of(outcome), failure_of(outcome)
        self._meter.call(provider, word, seconds)
        if message.attempt == 1:
            self._meter.handed_over(record.lane[1], max(0.0, (now_ms() - message.created_at) / 1000))
        if failure and failure.unlisted:
            metrics.UNLISTED_CODES.labels(provider).inc()
            self._log.warning("unlisted provider code", provider=provider, reason=failure.reason)
        self._log.info(
            "provider call",
            delivery_id=message.delivery_id,
            provider=provider,
            attempt=message.attempt,
            duration_ms=round(seconds * 1000, 2),
            code=call.code if call else None,
            outcome=word,
            failure=failure.reason if failure else None,
        )


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
