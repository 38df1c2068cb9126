"""decisions, delivery-status and dead-letters to PostgreSQL: in batches, offsets committed after the write."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.kafka.fatal import is_fatal
from connectors.recording.reading import RecordReader
from connectors.recording.rows import DeadRecord, Rows, add_dead_letter, add_decision, add_status
from ops.telemetry import logs, metrics
from ops.telemetry.health import Health
from schemas import headers, topics
from schemas.codec import Codec, PoisonRecord

GROUP = "tidings-recorder"
TOPICS = (topics.DECISIONS, topics.DELIVERY_STATUS, topics.DEAD_LETTERS)
_COMMIT_SECONDS = 0.5
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class RecorderPolicy:
    """`instance` is the static group member; a batch holds at most `batch` records."""

    bootstrap_servers: str
    instance: str
    session_timeout_ms: int = 10_000
    batch: int = 2_000


class Store(Protocol):
    def write(self, rows: Rows) -> None: ...


class Recorder:
    """One consumer, one thread. Killed at any moment it writes the same rows again, which changes nothing."""

    def __init__(self, policy: RecorderPolicy, store: Store, codec: Codec, health: Health) -> None:
        self._policy, self._store, self._codec, self._health = policy, store, codec, health
        self._decisions, self._statuses = RecordReader(codec, "Decision"), RecordReader(codec, "DeliveryStatus")
        self._log = logs.get(part="recorder")
        self._stopping = threading.Event()
        self._moved_at = self._committed_at = time.monotonic()
        self._written: dict[tuple[str, int], int] = {}
        self._fatal: KafkaError | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": policy.bootstrap_servers,
                "group.id": GROUP,
                "group.instance.id": f"recorder-{policy.instance}",
                "session.timeout.ms": policy.session_timeout_ms,
                "logger": logging.getLogger("kafka"),
                "error_cb": self._heard,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                # records gather at the broker for 100 ms: a fetch, a transaction and a commit for many, not for each
                "fetch.wait.max.ms": 100,
                "fetch.min.bytes": 262_144,
                "fetch.queue.backoff.ms": 50,
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": policy.bootstrap_servers,
                "logger": logging.getLogger("kafka"),
                "enable.idempotence": True,
                "message.max.bytes": topics.LARGEST_RECORD,
                "partitioner": "murmur2_random",
            }
        )
        health.alive = lambda: time.monotonic() - self._moved_at < 60

    def stop(self) -> None:
        """Finish the batch in hand and return from run()."""
        self._stopping.set()

    def run(self) -> None:
        """Until stop(). Raises KafkaException for what waiting does not mend."""
        self._consumer.subscribe(list(TOPICS), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        try:
            while not self._stopping.is_set():
                self._turn(time.monotonic())
            self._commit(time.monotonic(), asynchronous=False)
        finally:
            self._written = {}
            self._consumer.close()

    def _turn(self, now: float) -> None:
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        self._moved_at = now
        if now - self._committed_at >= _COMMIT_SECONDS:
            self._commit(now)
        first = self._consumer.poll(0.25)
        if first is None:
            return
        messages = [m for m in (first, *self._consumer.consume(self._policy.batch - 1, 0)) if not _failed(m)]
        if messages:
            self._record(messages)

    def _assigned(self, _consumer: Consumer, _given: list[TopicPartition]) -> None:
        self._health.state = "ready"

    def _revoked(self, _consumer: Consumer, _taken: list[TopicPartition]) -> None:
        self._commit(time.monotonic(), asynchronous=False)

    def _lost(self, _consumer: Consumer, _taken: list[TopicPartition]) -> None:
        """Somebody else may own them already: a commit now would fence us, and what was written may come again."""
        self._written = {}

    def _heard(self, error: KafkaError) -> None:
        if is_fatal(error):
            self._fatal = error
        self._log.warning("kafka", error=error.str())

    def _record(self, messages: list[Message]) -> None:
        rows, poison = Rows(), []
        for message in messages:
            try:
                self._add(rows, message)
            except (PoisonRecord, ValueError) as error:
                poison.append((message, str(error)))
        self._set_aside(poison)
        began = time.perf_counter()
        self._persist(lambda: self._store.write(rows))
        metrics.RECORDER_SECONDS.observe(time.perf_counter() - began)
        for topic, count in Counter(m.topic() for m in messages).items():
            metrics.RECORDED.labels(topic).inc(count)
        for message in messages:
            self._written[message.topic(), message.partition()] = message.offset() + 1

    def _add(self, rows: Rows, message: Message) -> None:
        match message.topic():
            case topics.DECISIONS:
                add_decision(rows, self._decisions.read(message.value()))
            case topics.DELIVERY_STATUS:
                add_status(rows, self._statuses.read(message.value()))
            case _:
                told = (message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value())
                add_dead_letter(rows, DeadRecord(*told, message.headers() or []), self._codec)

    def _set_aside(self, poison: list[tuple[Message, str]]) -> None:
        """Unreadable records go to dead-letters, confirmed, before anything of their batch is committed."""
        failed: list[Any] = []
        for message, reason in poison:
            self._log.warning("poison record", topic=message.topic(), offset=message.offset(), reason=reason)
            metrics.DEAD_LETTERS.labels("recorder", "poison").inc()
            self._producer.produce(
                topics.DEAD_LETTERS,
                message.value(),
                message.key(),
                headers=_why(message, reason),
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
        if poison and (self._producer.flush(30) or failed):
            raise KafkaException(f"dead letters were not confirmed: {failed}")

    def _persist(self, write: Callable[[], None]) -> None:
        """Until PostgreSQL has it: nothing is committed meanwhile, so nothing is lost."""
        tries = 0
        while True:
            try:
                write()
            except psycopg.OperationalError as error:
                self._health.state = "waiting for PostgreSQL"
                self._log.warning("PostgreSQL is away", error=str(error).strip())
                self._wait(_PAUSES[min(tries, len(_PAUSES) - 1)])
                tries += 1
                if self._stopping.is_set():
                    raise
            else:
                self._health.state = "ready"
                return

    def _wait(self, seconds: float) -> None:
        """Stay a member of the group while waiting."""
        owned = self._consumer.assignment()
        self._consumer.pause(owned)
        self._consumer.poll(0)
        self._stopping.wait(seconds)
        self._moved_at = time.monotonic()
        self._consumer.resume([tp for tp in owned if tp in self._consumer.assignment()])

    def _commit(self, now: float, asynchronous: bool = True) -> None:
        """What is written and not committed yet. A commit that fails is made up by the next one."""
        self._committed_at = now
        if not self._written:
            return
        offsets = [TopicPartition(*at, end) for at, end in self._written.items()]
        self._written = {}
        try:
            self._consumer.commit(offsets=offsets, asynchronous=asynchronous)
        except KafkaException as error:  # a batch that comes again changes nothing
            if is_fatal(error.args[0]):
                raise  # another process has our name: end, rather than stand by for ever
            self._log.warning("commit failed", error=str(error))


def _why(message: Message, reason: str) -> headers.Headers:
    own = [(name, value or b"") for name, value in message.headers() or ()]
    origin = headers.Origin(message.topic(), message.partition(), message.offset())
    return headers.dead_letter(own, "poison", reason, origin, time.time_ns() // 1_000_000)


def _failed(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if is_fatal(error):
        raise KafkaException(error)
    return True
