"""Faust on Kafka with one event per fetched partition chunk, and commits that can be trusted.

Membership of the group stays Faust's and aiokafka's. Replaced are the way records enter (`getmany`), how they are
acknowledged (`ack`) and how offsets leave (`force_commit`, `on_partitions_revoked`). Rests on private names of
faust-streaming 0.15.3 and aiokafka 0.14.0: both are pinned.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvloop
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.utils.futures import notify

from streams.engine.batch import Batch, Partition
from streams.engine.ending import kafka_went_away
from streams.engine.next_fetch import fetch_when_taken
from streams.engine.watermark import Watermark

# A partition whose records were not taken is left out of the fetch under way, so what follows there waits for that
# fetch: short waits while records come, long ones (and few requests) while none do.
FETCH_WAIT_MS = 20
IDLE_FETCH_WAIT_MS = 250
BUSY_SECONDS = 1.0


class _NoPosition(dict[TP, Any]):
    """Read positions that are never known.

    Faust drops whatever lies before the position it remembers, also when the partition was sought back.
    """

    def __getitem__(self, _: TP) -> None:
        return None


def _as_it_is(_: TP, record: Any) -> Any:
    return record


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka in its thread, with what Faust hard-codes and with the errors Faust never asks for."""

    _busy_until = 0.0

    async def on_start(self) -> None:
        """Kafka was there for the check of the topics and may be gone by now."""
        try:
            await super().on_start()
            # While records of one partition wait to be taken, aiokafka would fetch nothing for 0.1 s: not high either.
            self._consumer._fetcher._prefetch_backoff = 0.0
            fetch_when_taken(self._consumer._fetcher)
        except KafkaConnectionError:
            app = self.consumer.app
            servers = ",".join(f"{url.host}:{url.port}" for url in app.conf.broker)
            app.fail(kafka_went_away(servers))

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # One fetch per broker is in flight: a long poll on idle partitions (Faust: 1.5 s) holds up a busy one.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        # Without these an error of the coordinator or a dead fetcher is never seen: the process idles for ever.
        consumer._coordinator.check_errors()
        if consumer._fetcher.error_future.done() and not consumer._closed:
            consumer._fetcher.error_future.result()
        self._make_ready(consumer._fetcher._records)
        fetched = await super()._fetch_records(consumer, *args, **kwargs)
        now = time.monotonic()
        if fetched:
            self._busy_until = now + BUSY_SECONDS
        consumer._fetcher._fetch_max_wait_ms = FETCH_WAIT_MS if now < self._busy_until else IDLE_FETCH_WAIT_MS
        return fetched

    def _make_ready(self, fetched: Any) -> None:
        """What aiokafka has fetched, before it hands it out.

        It would do so in the order in which it came: a flood of low would hold up high. And it would make another
        object of each record, for keys and values that are deserialized here by nobody.
        """
        rank = self.consumer.app.rank
        for result in fetched.values():
            if (unread := getattr(result, "_partition_records", None)) is not None:
                unread._consumer_record = _as_it_is
        last = len(rank) - 1
        ahead = [tp for tp in fetched if rank.get(tp.topic, last) < last]
        for tp in sorted(ahead, key=lambda tp: -rank[tp.topic]):
            fetched.move_to_end(tp, last=False)

    def read_positions(self) -> dict[Partition, int | None]:
        """Offset to be fetched next of every partition we own; None: not known yet. Callable from any thread."""
        consumer = self._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or not assignment.active:
            return {}
        states = {Partition(*tp): assignment.state_value(tp) for tp in assignment.tps}
        return {tp: state.position if state.has_valid_position else None for tp, state in states.items()}


class Consumer(driver.Consumer):
    """Hands over batches, counts what is in flight, commits the watermarks."""

    max_open_records = 2_000  # in records and not in batches: live batches hold one or two; 8,000 were slower
    max_queued_records = 250  # so many wait for the agent: no more is fetched, so that high finds a short queue
    commit_records = 1_000  # so many finished: a commit, and not only when the interval has passed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._marks: dict[TP, Watermark] = {}
        self._fetching = asyncio.Lock()
        self._room = asyncio.Event()
        self._since_commit = 0  # records that finished since a commit was last asked for
        self._sought = -1  # generation whose committed positions were set
        self._read_offset = _NoPosition()
        self.fetched = 0  # records since the start

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, thread_loop=uvloop.new_event_loop(), beacon=self.beacon)

    def open_records(self) -> int:
        """Records that were fetched and are not finished. Callable from any thread."""
        return sum(mark.records for mark in list(self._marks.values()))

    def _is_full(self) -> bool:
        marks = self._marks.values()
        return (
            sum(mark.queued for mark in marks) >= self.max_queued_records
            or self.open_records() >= self.max_open_records
        )

    def oldest(self) -> tuple[Partition, int] | None:
        """The batch that is in hand for longest: its partition and its end. Callable from any thread."""
        found = [
            (span.since, Partition(*tp), span.end) for tp, mark in list(self._marks.items()) if (span := mark.oldest())
        ]
        return min(found)[1:] if found else None

    def read_positions(self) -> Mapping[Partition, int | None]:
        """ConsumerThread.read_positions of the topics that agents read. Callable from any thread."""
        positions: dict[Partition, int | None] = self._thread.read_positions()
        return {tp: offset for tp, offset in positions.items() if tp.topic in self.app.rank}

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One round of fetching: a message for each partition that has records, its value a Batch."""
        while not self.flow_active or self._is_full():
            self._room.clear()
            gate = self._room if self.flow_active else self.can_resume_flow
            if (await self.wait_first(gate, timeout=timeout)).stopped or not self.flow_active:
                return
        async with self._fetching:  # a seek never overlaps a fetch: see perform_seek
            active = self._get_active_partitions()
            if not active:
                await self.sleep(0.05)
                return
            generation = self.app.consumer_generation_id
            if generation != self._sought:  # with tables, Faust resumes partitions before the seek
                await self.sleep(0.005)
                return
            fetched = await self._getmany(active, min(timeout, 0.2))
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            batches = self._batches(fetched)
        for batch in batches:  # dropped here = never finished = never committed
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            yield batch.tp, self._message(batch, generation)

    def _batches(self, fetched: Mapping[TP, Any] | None) -> list[Batch]:
        """What was fetched, the first topics of the agent first."""
        rank = self.app.rank
        found = sorted((fetched or {}).items(), key=lambda item: rank.get(item[0].topic, len(rank)))
        batches = [
            Batch(tp, records, self._marks.setdefault(tp, Watermark(self._room.set)), self.app.crashes)
            for tp, records in found
            if records
        ]
        self.fetched += sum(batch.size for batch in batches)
        return batches

    def _message(self, batch: Batch, generation: int) -> ConsumerMessage:
        last: Any = batch.records[-1]
        return ConsumerMessage(
            batch.tp.topic, batch.tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type,
            (), None, batch, None, 0, 0, batch.tp, generation_id=generation,
        )  # fmt: skip

    async def perform_seek(self) -> None:
        """Set positions to what is committed; whatever was in flight belongs to an earlier assignment."""
        generation = self.app.consumer_generation_id
        async with self._fetching:
            await super().perform_seek()
            self._marks.clear()
            self._sought = generation

    def ack(self, message: Any) -> bool:
        """Last step of Event.ack(). The Cython stream inlines acks of its own, hence `stream.noack()`."""
        message.acked = True
        batch: Batch = message.value
        batch.finish()
        self._commit_early(batch.size)
        self._unacked_messages.discard(message)
        self._room.set()
        notify(self._waiting_for_ack)
        return True

    def _commit_early(self, finished: int) -> None:
        """Under load the interval is too long: what is not committed when the process dies comes again."""
        self._since_commit += finished
        if self._since_commit >= self.commit_records and self._commit_fut is None:
            self._since_commit = 0
            self.add_future(self.commit())

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit every watermark that moved. False: there was none, or the group has moved on."""
        mine = self.assignment()
        todo = {
            tp: (mark, mark.position)
            for tp, mark in self._marks.items()
            if mark.position != mark.committed and tp in mine
        }
        positions = {tp: position for tp, (_, position) in todo.items()}
        if not todo or not await self._commit(positions):
            return False
        for mark, position in todo.values():
            mark.committed = position
        self._committed_offset.update(positions)
        self.app.crashes.committed(positions)
        return True

    async def commit_and_end_transactions(self) -> None:
        """The last commit before partitions are given up. Faust leaves it out when one is already under way."""
        await self.maybe_wait_for_commit_to_finish()  # it may have begun before the last ack
        await self.force_commit()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what is in hand, commit it, forget the rest: aiokafka gives the partitions up when this returns."""
        try:
            await super().on_partitions_revoked(revoked)  # stops the flow, waits for batches in hand
            await self.commit_and_end_transactions()
        except Exception as error:  # aiokafka would only log it
            self.app.fail(error)
        finally:
            self._marks.clear()

    async def verify_all_partitions_active(self) -> None:
        """Faust's check only logs; the watchdog ends the process."""

    async def _add_gap(self, *_: Any) -> None:
        """Faust's gap tracking is unused; its interval tree costs time on compacted topics."""


class Transport(driver.Transport):
    """Faust's transport on aiokafka, with our consumer."""

    Consumer = Consumer
