"""Produce with proof: a batch is finished only when every record it caused is on the brokers."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from streams.engine.batch import Batch
from streams.engine.ending import kafka_went_away
from streams.engine.record import Partition, Record
from streams.engine.record_batch import Headers, RecordBatch, decoded, in_batches, record

_SETTINGS: dict[str, Any] = {
    "enable_idempotence": True,  # also acks=all; a batch is tried again until it is answered, in its place
    "request_timeout_ms": 30_000,
}
_BATCH_BYTES = 256 * 1024  # before compression; a larger record has a batch of its own
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Receipt:
    """Counts what one batch still waits for; the batch itself, until all of it is handed over, counts as one."""

    __slots__ = ("_done", "pending")

    def __init__(self, done: Callable[["Receipt"], None]) -> None:
        self.pending = 1
        self._done = done

    def confirmed(self) -> None:
        """One thing less to wait for."""
        self.pending -= 1
        if not self.pending:
            self._done(self)


Bury = Callable[[Partition, Record, str], None]
Output = tuple[str, bytes]
"""A topic, and a record for it as `record_batch.record` makes it. A plain tuple: several are made for each record."""


class Outbox(ABC):
    """Where the outputs of one agent go. Everything runs on the event loop, so there are no locks.

    What is sent leaves when the body of its batch is through: of a batch that fails nothing was produced. It goes to
    the partition its batch came from, which is the right one for every key that lay there: topic_check sees to equal
    partition counts. A topic with fewer partitions (dead letters) is gone round.
    """

    def __init__(self, fail: Callable[[BaseException], NoReturn]) -> None:
        self._fail = fail
        self._open: dict[Receipt, Any] = {}  # -> the event to acknowledge
        self._in_hand: Batch | None = None
        self._outputs: list[Output] = []
        self._reader: object | None = None
        self.handed_over = 0  # outputs since the start

    async def batches(self, stream: Any, bury: Bury | None = None) -> AsyncIterator[Batch]:
        """The batches of a stream. What is sent in the body belongs to the batch in hand; a raise finishes nothing.

        `bury(partition, record, reason)` sends a dead letter: it gets the records that two processes died on, which are
        then left out of their batch. Without it they are handed over like any other.
        The next batch does not wait until this one is finished: Consumer.max_open_records bounds what is in flight.
        """
        self._reader = mine = object()
        async for event in stream.noack().events():
            if self._reader is not mine:
                raise RuntimeError("two agents share an outbox: give each its own")
            receipt = Receipt(self._settle)
            self._open[receipt] = event
            self._in_hand = batch = event.value
            if bury is not None:
                for record, reason in batch.set_aside():
                    bury(batch.tp, record, reason)
            if len(batch):
                yield batch
            batch.lift_mark()  # whatever happens from here on is not the fault of its last record
            self._in_hand = None
            outputs, self._outputs = self._outputs, []
            await self._produce(outputs, batch.tp.partition, receipt)
            self.handed_over += len(outputs)
            receipt.confirmed()

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Produce one record on behalf of the batch in hand. Raises RuntimeError outside of a batch."""
        self.put(topic, record(key, value, headers))

    def put(self, topic: str, made: bytes) -> None:
        """As `send`, of what `record_batch.record` would have made."""
        if self._in_hand is None:
            raise RuntimeError("an output belongs to a batch: send inside the body of batches()")
        self._outputs.append((topic, made))

    def _settle(self, receipt: Receipt) -> None:
        self._open.pop(receipt).ack()

    def _refused(self, receipt: Receipt, error: BaseException, too_large: bytes | None = None) -> NoReturn:
        """Something was not delivered. A record that makes outputs nobody takes is as deadly as any."""
        if too_large is not None:
            batch: Batch = self._open[receipt].value
            batch.blame(decoded(too_large).key)
        self._fail(RuntimeError(f"a record was not delivered: {error!r}"))

    @abstractmethod
    async def _produce(self, outputs: Sequence[Output], partition: int, receipt: Receipt) -> None:
        """Hand them over in this order; `receipt` counts what is not confirmed yet."""

    @abstractmethod
    async def close(self) -> None:
        """Give back connections; what was handed over is waited for."""


class KafkaOutbox(Outbox):
    """Produces with aiokafka, a batch of records at a time: nothing is done for each record but to join its bytes."""

    def __init__(self, bootstrap_servers: str, fail: Callable[[BaseException], NoReturn]) -> None:
        super().__init__(fail)
        self._servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._partitions: dict[str, int] = {}  # of a topic

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def _produce(self, outputs: Sequence[Output], partition: int, receipt: Receipt) -> None:
        by_topic: dict[str, list[bytes]] = {}
        for topic, made in outputs:
            by_topic.setdefault(topic, []).append(made)
        now = time.time_ns() // 1_000_000
        producer = self._producer or await self._started()
        for topic, records in by_topic.items():
            count = self._partitions.get(topic) or await self._count(producer, topic)
            for batch in in_batches(records, now, _BATCH_BYTES):
                confirmed = await self._submitted(producer, batch, topic, partition % count)
                receipt.pending += 1
                confirmed.add_done_callback(partial(self._reported, receipt, batch))

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, **_SETTINGS)
        try:
            await producer.start()
        except KafkaConnectionError:
            await producer.stop()
            raise kafka_went_away(self._servers) from None
        self._producer = producer
        return producer

    async def _count(self, producer: AIOKafkaProducer, topic: str) -> int:
        self._partitions[topic] = count = len(await producer.partitions_for(topic))
        return count

    async def _submitted(self, producer: AIOKafkaProducer, batch: RecordBatch, topic: str, partition: int) -> Any:
        """The future of a batch. Waits while the one before it, of the same partition, has not left."""
        while True:
            try:
                return await producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:  # brokers are away: the watchdog knows for how long one may wait
                continue

    def _reported(self, receipt: Receipt, batch: RecordBatch, confirmed: Any) -> None:
        error = confirmed.exception()
        if error is None:
            receipt.confirmed()
        else:
            self._refused(receipt, error, max(batch.records, key=len) if isinstance(error, _TOO_LARGE) else None)
