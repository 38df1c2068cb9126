"""A compacted topic in memory: one plain dict per partition, kept up to date by one thread."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic, sleep
from typing import Any, NoReturn

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streams.engine.backlog import Backlog
from streams.engine.fatal import is_fatal
from streams.engine.record import Partition
from streams.engine.same_topic import SameTopic

log = logging.getLogger(__name__)

_LOAD = 5_000  # records a round while loading
_ANSWER_SECONDS = 30.0


class CompactedView:
    """view[partition] is a plain dict key -> raw value. Writers are elsewhere; this only follows.

    `follow` and `caught_up` belong to the event loop, everything with an underscore to the thread. The dicts are
    written by the thread and read by the loop: single dict operations, which the interpreter keeps whole.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str,
        group: str,
        fail: Callable[[BaseException], NoReturn],
        check_seconds: float = 5.0,
    ) -> None:
        self.topic = topic
        self.count = 0  # partitions the topic has; known once it has caught up
        self.applied = 0  # records since the start: progress of a load
        self.behind = 0  # records written and not seen here, as of the last check
        self._fail = fail
        self._check_seconds = check_seconds
        self._settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",  # a topic that was cut off under us: never skip silently
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 20,
        }
        self._new_backlog = partial(Backlog, bootstrap_servers, timeout_seconds=1.0)
        self._backlog = self._new_backlog()
        self._same = SameTopic(topic, bootstrap_servers)
        self._data: dict[int, dict[bytes, bytes]] = {}
        self._wanted: frozenset[int] | None = frozenset()  # None: stop
        self._loading: dict[int, int] = {}  # partition -> end offset when it was gained
        self._read_to: dict[int, int] = {}  # partition -> offset that is read next
        self._check_at = 0.0
        self._ready = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __getitem__(self, partition: int) -> dict[bytes, bytes]:
        return self._data[partition]

    def partitions(self) -> list[dict[bytes, bytes]]:
        """The dicts of all partitions that are followed."""
        return list(self._data.values())  # a copy: the thread adds and removes partitions

    def follow(self, partitions: frozenset[int]) -> None:
        """From now on follow these. Only starts the work: in a rebalance callback no heartbeat runs."""
        self._ready.clear()
        self._wanted = partitions
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._follow, name=f"view-{self.topic}", daemon=True)
            self._thread.start()

    async def caught_up(self) -> None:
        """Return when every followed partition was read to its end at least once since it was gained."""
        await self._ready.wait()

    async def stop(self) -> None:
        """End the thread; waits for it at most 2 s."""
        self._wanted = None
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 2.0)

    def _follow(self) -> None:
        try:
            consumer = Consumer(self._settings, logger=log)
            held: frozenset[int] | None = None
            told: frozenset[int] | None = None
            while (wanted := self._wanted) is not None:
                if held is not wanted:
                    held = self._take(consumer, wanted)
                if not self._loading and told is not held and self._loop is not None:
                    told = held
                    self._loop.call_soon_threadsafe(self._announce, held)
                self._read(consumer)
                if monotonic() > self._check_at:
                    self._check_topic()
            consumer.close()
        except BaseException as error:
            self._fail(error)

    def _read(self, consumer: Consumer) -> None:
        if self._loading:  # consume() waits for a full batch, poll() for one record
            self._apply(consumer.consume(_LOAD, 0.05))
            self._check_ends()
        elif (first := consumer.poll(0.1)) is not None:  # a tombstone is falsy: len() is 0
            self._apply([first, *consumer.consume(_LOAD, 0)])

    def _announce(self, held: frozenset[int]) -> None:
        if held is self._wanted:
            self._ready.set()

    def _take(self, consumer: Consumer, wanted: frozenset[int]) -> frozenset[int]:
        have = {tp.partition for tp in consumer.assignment()}
        if have - wanted:
            consumer.incremental_unassign([TopicPartition(self.topic, p) for p in have - wanted])
        for p in set(self._data) - wanted:
            del self._data[p]
        new = [TopicPartition(self.topic, p, OFFSET_BEGINNING) for p in wanted - have]
        self._loading = {p: end for p, end in self._loading.items() if p in wanted}
        if not new:
            return wanted
        self._answer(partial(self._count_partitions, consumer))
        ends = self._answer(partial(self._backlog.ends, [Partition(tp.topic, tp.partition) for tp in new]))
        for tp, end in ends.items():
            self._data[tp.partition] = {}
            self._read_to[tp.partition] = 0
            self._loading[tp.partition] = end
        consumer.incremental_assign(new)
        return wanted

    def _count_partitions(self, consumer: Consumer) -> None:
        """Every key lies where it was put when there were so many partitions."""
        found = consumer.list_topics(self.topic, timeout=5.0).topics[self.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        count = len(found.partitions)
        if self.count not in (0, count):
            raise RuntimeError(
                f"{self.topic} can no longer be followed: it had {self.count} partitions and has {count}"
            )
        self.count = count

    def _answer(self, ask: Callable[[], Any]) -> Any:
        """What Kafka says; a partition that was just made, or whose leader just moved, does not answer at once."""
        deadline = monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return ask()
            except KafkaException:
                if self._wanted is None or monotonic() > deadline:
                    raise
                sleep(0.05)

    def _check_ends(self) -> None:
        """EOF alone is not enough: it needs an empty fetch, which steady writes never leave."""
        for partition, end in list(self._loading.items()):
            if self._read_to[partition] >= end:
                del self._loading[partition]

    def _check_topic(self) -> None:
        """Else the last known preferences would hold for ever. A topic that was cut off is an error of the fetch."""
        self._check_at = monotonic() + self._check_seconds
        self._same.check()
        try:
            ends = self._backlog.ends([Partition(self.topic, partition) for partition in self._data])
            behind = [end - self._read_to[tp.partition] for tp, end in ends.items()]
        except KafkaException:
            behind = [-1]
        if min(behind, default=0) >= 0:
            self.behind = sum(behind)
        else:  # a client that knew the leaders of before may go on asking them: next time another asks
            self._backlog = self._new_backlog()

    def _apply(self, messages: Sequence[Any]) -> None:
        for message in messages:
            error, partition = message.error(), message.partition()
            if error is not None:
                self._take_note(error, message)
                continue
            table = self._data.get(partition)
            if table is None:
                continue
            self._read_to[partition] = message.offset() + 1
            value = message.value()
            if value is None:
                table.pop(message.key(), None)
            else:
                table[message.key()] = value
        self.applied += len(messages)

    def _take_note(self, error: KafkaError, message: Any) -> None:
        partition = message.partition()
        if error.code() == KafkaError._PARTITION_EOF:
            self._loading.pop(partition, None)  # the end may be a transaction marker: no record has it
            self._read_to[partition] = message.offset()
        elif is_fatal(error) or (not error.retriable() and partition >= 0):
            raise RuntimeError(f"{self.topic} can no longer be followed: {error}")
