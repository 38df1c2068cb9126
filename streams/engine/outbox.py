"""Produce with proof: a batch is finished only when every record it caused is on the brokers."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer

from streams.engine.batch import Batch
from streams.engine.record import Record

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes]]

_SETTINGS = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "delivery.timeout.ms": 120_000,
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 64 * 1024,  # bounds memory when records are large: a full queue stops the agent
    "message.max.bytes": 32 * 1024 * 1024,  # before compression; what brokers take (LARGEST_RECORD) is after it
}
_POLL_SECONDS = 0.001
_THE_OUTPUT_ITSELF = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD)
_AT_ONCE = 500  # outputs
_ANY, _NOW = -1, 0  # partition, timestamp; given by place, since names cost a quarter of a produce()


class Receipt:
    """Counts what one batch still waits for; the batch itself, while its body runs, counts as one."""

    __slots__ = ("_done", "_fail", "pending")

    def __init__(self, done: Callable[["Receipt"], None], fail: Callable[["Receipt", Any, Any], NoReturn]) -> None:
        self.pending = 1
        self._done = done
        self._fail = fail

    def delivered(self, error: Any, message: Any) -> None:
        """One thing less to wait for; with an error the count never reaches zero and the process ends."""
        if error is not None:
            self._fail(self, error, message.key() if message else None)
        self.pending -= 1
        if not self.pending:
            self._done(self)


Output = tuple[str, bytes | None, bytes | None, Headers]
"""One record to be produced: topic, value, key, headers. A plain tuple: several are made for each record."""


class Outbox(ABC):
    """Where the outputs of one agent go. Everything runs on the event loop, so there are no locks.

    What is sent is produced in runs of 500, at the latest when the body of the batch is through: one by one, the
    client's thread was woken for nearly every record and sent many small requests.
    """

    def __init__(self, fail: Callable[[BaseException], NoReturn]) -> None:
        self._fail = fail
        self._open: dict[Receipt, Any] = {}  # -> the event to acknowledge
        self._current: Receipt | None = None
        self._outputs: list[Output] = []
        self.handed_over = 0  # outputs since the start
        self._in_hand: Batch | None = None
        self._reader: object | None = None

    async def batches(self, stream: Any, bury: Callable[[Record, str], None] | None = None) -> AsyncIterator[Batch]:
        """The batches of a stream. What is sent in the body belongs to the batch in hand; a raise finishes nothing.

        `bury(record, reason)` sends a dead letter: it gets the records that two processes died on, which are then left
        out of their batch. Without it they are handed over like any other.
        The next batch does not wait until this one is finished: Consumer.max_open_records bounds what is in flight.
        """
        self._reader = mine = object()
        async for event in stream.noack().events():
            if self._reader is not mine:
                raise RuntimeError("two agents share an outbox: give each its own")
            self._current = receipt = Receipt(self._settle, self._refused)
            self._open[receipt] = event
            self._in_hand = batch = event.value
            if bury is not None:
                for record, reason in batch.set_aside():
                    bury(record, reason)
            if len(batch):
                yield batch
            batch.lift_mark()
            self._hand_over(receipt, batch)
            self._current = self._in_hand = None
            receipt.delivered(None, None)
            self._after_batch()

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Produce one record on behalf of the batch in hand. Raises RuntimeError outside of a batch."""
        if self._current is None or self._in_hand is None:
            raise RuntimeError("an output belongs to a batch: send inside the body of batches()")
        outputs = self._outputs
        outputs.append((topic, value, key, headers))
        if len(outputs) >= _AT_ONCE:
            self._hand_over(self._current, self._in_hand)

    def _hand_over(self, receipt: Receipt, batch: Batch) -> None:
        outputs, self._outputs = self._outputs, []
        receipt.pending += len(outputs)
        self.handed_over += len(outputs)
        mark = batch.lift_mark()  # they come from many records: whatever happens here is not the fault of the last one
        self._produce(outputs, receipt)
        batch.put_mark(mark)

    def _settle(self, receipt: Receipt) -> None:
        self._open.pop(receipt).ack()

    def _refused(self, receipt: Receipt, error: Any, key: bytes | None) -> NoReturn:
        """An output with this key was not delivered. A record that makes outputs nobody takes is as deadly as any."""
        if isinstance(error, KafkaError) and error.code() in _THE_OUTPUT_ITSELF:
            batch: Batch = self._open[receipt].value
            batch.blame(key)
        self._fail(RuntimeError(f"a record was not delivered: {error}"))

    @abstractmethod
    def _produce(self, outputs: Sequence[Output], receipt: Receipt) -> None:
        """Produce them in this order; each is reported to `receipt.delivered`."""

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

    def _produce(self, outputs: Sequence[Output], receipt: Receipt) -> None:
        produce, delivered = self._producer.produce, receipt.delivered
        for topic, value, key, headers in outputs:
            try:
                produce(topic, value, key, _ANY, delivered, None, _NOW, headers)
            except BufferError:  # full: the reports that wait make room
                self._produce_when_there_is_room((topic, value, key, headers), receipt)
            except KafkaException as error:
                self._refused(receipt, error.args[0], key)

    def _produce_when_there_is_room(self, output: Output, receipt: Receipt) -> None:
        while True:
            self._producer.poll(0.05)
            try:
                topic, value, key, headers = output
                self._producer.produce(topic, value, key, _ANY, receipt.delivered, None, _NOW, headers)
            except BufferError:
                continue
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
