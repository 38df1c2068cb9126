"""Publishing single records and knowing that they are durable (acks=all), on an event loop and without a thread."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.kafka.fatal import is_fatal
from connectors.outgoing import Outgoing
from connectors.reachability import Reachability
from connectors.unavailable import Unavailable
from schemas.headers import Headers
from schemas.topics import LARGEST_RECORD

_POLL_SECONDS = 0.001  # uvloop's clock ticks in milliseconds: less would be a busy loop
_FLUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PublisherPolicy:
    """`deadline_seconds`: publish() answers within it; the producer gives a record up a little earlier.

    `topics` are looked up at the start: the first record of a topic that was not would wait up to a second.
    `probe_seconds`: while Kafka is away one record per this time is tried, the others are refused at once.
    """

    bootstrap_servers: str
    topics: Sequence[str] = ()
    deadline_seconds: float = 1.5
    linger_ms: float = 0
    waiting: int = 10_000
    probe_seconds: float = 0.1

    def configuration(self) -> dict[str, Any]:
        """For librdkafka. It cannot give a record up before one second has passed."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": self.linger_ms,
            "message.max.bytes": LARGEST_RECORD,  # what is redriven may be as large as what a router wrote
            "queue.buffering.max.messages": self.waiting,
            "message.timeout.ms": max(1000, int(self.deadline_seconds * 1000) - 300),
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,  # said once by Reachability, not by librdkafka on stderr at each attempt
        }


class Publisher:
    """Use from one event loop. Costs nothing while nothing is on its way."""

    def __init__(self, policy: PublisherPolicy, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._producer = self._new_producer()
        self._reachability = Reachability("Kafka", policy.probe_seconds, monotonic)
        self._broken: list[Producer] = []
        self._pending = 0
        self._polling: asyncio.Task[None] | None = None
        self._looking_up: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start looking up the topics; returns at once."""
        self._looking_up = asyncio.create_task(self._look_up())

    async def close(self) -> None:
        """Wait for what is on its way, briefly."""
        for task in (self._looking_up, self._polling):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await asyncio.to_thread(self._producer.flush, self._policy.deadline_seconds)

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Returns when Kafka has confirmed the record. Raises Unavailable within the deadline.

        After Unavailable the record may still arrive, if it had been sent: repeat it with the same id.
        """
        begun = self._reachability.begin()
        confirmed: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._produce(Outgoing(topic, key, value, headers), confirmed)
        done, _ = await asyncio.wait({confirmed}, timeout=self._policy.deadline_seconds)
        error = confirmed.result() if done else f"not confirmed within {self._policy.deadline_seconds:g} s"
        if error is not None:
            self._reachability.failed(error, begun)
            raise Unavailable("Kafka", error)
        self._reachability.answered()

    def _produce(self, record: Outgoing, confirmed: "asyncio.Future[str | None]") -> None:
        def report(error: KafkaError | None, _: object) -> None:
            self._pending -= 1
            if not confirmed.done():
                confirmed.set_result(error.str() if error else None)

        try:
            self._producer.produce(record.topic, record.value, record.key, headers=record.headers, on_delivery=report)
        except (BufferError, KafkaException) as error:
            raise Unavailable("Kafka", str(error)) from error
        self._pending += 1
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        """Serve delivery reports as long as one is due; they run inside poll, on this loop."""
        while self._pending:
            for producer in (self._producer, *self._broken):
                producer.poll(0)
            await asyncio.sleep(_POLL_SECONDS)
        self._broken.clear()

    def heard(self, error: KafkaError) -> None:
        """What librdkafka says of itself. After a fatal error a producer never produces again: take a new one."""
        if is_fatal(error):
            self._producer.purge()
            self._broken.append(self._producer)  # polled on until it has reported what it gave up
            self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        return Producer({**self._policy.configuration(), "error_cb": self.heard})

    async def reachable(self) -> None:
        """Raises Unavailable unless Kafka answers within a second and has the topics."""
        try:
            found = await asyncio.to_thread(self._producer.list_topics, timeout=1.0)
        except KafkaException as error:
            raise Unavailable("Kafka", str(error)) from error
        self._producer.poll(0)
        missing = [topic for topic in self._policy.topics if topic not in found.topics]
        if missing:
            raise Unavailable("Kafka", f"topics are missing: {', '.join(missing)}; run `tidings topics apply`")

    async def _look_up(self) -> None:
        """Until they are known: a topic that was looked up stays known to the producer."""
        for topic in self._policy.topics:
            while True:
                try:
                    await asyncio.to_thread(self._producer.list_topics, topic, timeout=1.0)
                    break
                except KafkaException:
                    await asyncio.sleep(1.0)

    def publish_all(self, records: Iterable[Outgoing]) -> None:
        """For a program without an event loop: returns when all are confirmed. Raises Unavailable if one was not."""
        failed: list[str] = []
        for record in records:
            self._produce_waiting(record, failed)
        if self._producer.flush(_FLUSH_SECONDS) or failed:
            raise Unavailable("Kafka", failed[0] if failed else "records were not confirmed")

    def _produce_waiting(self, record: Outgoing, failed: list[str]) -> None:
        """Wait for room in the producer's queue."""

        def report(error: KafkaError | None, _: object) -> None:
            if error:
                failed.append(error.str())

        while not failed:
            try:
                self._producer.produce(
                    record.topic, record.value, record.key, headers=record.headers, on_delivery=report
                )
                return
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise Unavailable("Kafka", str(error)) from error
