"""Produce with proof: a batch is finished only when every record it caused is on the brokers."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

from confluent_kafka import Producer

from schemas.topics import LARGEST_RECORD
from streams.engine.batch import Batch

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes]]

_SETTINGS = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "delivery.timeout.ms": 120_000,
    "queue.buffering.max.messages": 200_000,
    "message.max.bytes": LARGEST_RECORD,
}
_POLL_SECONDS = 0.001


class Receipt:
    """Counts what one batch still waits for; the batch itself, while its body runs, counts as one."""

    __slots__ = ("_done", "_fail", "pending")

    def __init__(self, done: Callable[["Receipt"], None], fail: Callable[[BaseException], NoReturn]) -> None:
        self.pending = 1
        self._done = done
        self._fail = fail

    def delivered(self, error: Any, _message: Any) -> None:
        """One thing less to wait for; with an error the count never reaches zero and the process ends."""
        if error is not None:
            self._fail(RuntimeError(f"a record was not delivered: {error}"))
        self.pending -= 1
        if not self.pending:
            self._done(self)


class Outbox(ABC):
    """Where the outputs of one agent go. Everything runs on the event loop, so there are no locks."""

    def __init__(self, fail: Callable[[BaseException], NoReturn]) -> None:
        self._fail = fail
        self._open: dict[Receipt, Any] = {}  # -> the event to acknowledge
        self._current: Receipt | None = None
        self._reader: object | None = None

    async def batches(self, stream: Any) -> AsyncIterator[Batch]:
        """The batches of a stream. What is sent in the body belongs to the batch in hand; a raise finishes nothing.

        The next batch does not wait until this one is finished: Consumer.max_open_records bounds what is in flight.
        """
        self._reader = mine = object()
        async for event in stream.noack().events():
            if self._reader is not mine:
                raise RuntimeError("two agents share an outbox: give each its own")
            self._current = receipt = Receipt(self._settle, self._fail)
            self._open[receipt] = event
            yield event.value
            self._current = None
            receipt.delivered(None, None)
            self._after_batch()

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Produce one record on behalf of the batch in hand. Raises RuntimeError outside of a batch."""
        receipt = self._current
        if receipt is None:
            raise RuntimeError("an output belongs to a batch: send inside the body of batches()")
        receipt.pending += 1
        self._produce(topic, value, key, headers, receipt)

    def _settle(self, receipt: Receipt) -> None:
        self._open.pop(receipt).ack()

    @abstractmethod
    def _produce(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, receipt: Receipt
    ) -> None: ...

    @abstractmethod
    def _after_batch(self) -> None: ...


class KafkaOutbox(Outbox):
    """Produces with librdkafka; delivery reports arrive in poll(), on the event loop."""

    def __init__(
        self, bootstrap_servers: str, fail: Callable[[BaseException], NoReturn], linger_ms: float = 1.0
    ) -> None:
        super().__init__(fail)
        self._producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "linger.ms": linger_ms, **_SETTINGS}, logger=log
        )
        self._poller: asyncio.Task[None] | None = None

    def _produce(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, receipt: Receipt) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=receipt.delivered, headers=headers)
            except BufferError:  # full: the reports that wait make room
                self._producer.poll(0.05)
            else:
                return

    def _after_batch(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        try:
            while self._open:
                self._producer.poll(0)
                await asyncio.sleep(_POLL_SECONDS)
        except Exception as error:
            self._fail(error)
