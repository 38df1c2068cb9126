"""Real topics, real senders on them, and an independent reader of what came out."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition, murmur2
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.sender import Sender
from schemas import topics
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import TERMINAL, Status
from streams.domain.notification import Channel
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import CATALOGUE, CODEC, SCHEDULE, EveryRecipient, compose, encoded, policy
from tests.delivery.sender_process import Config

PARTITIONS = 4
ROOT = Path(__file__).parents[2]


async def until(condition: Callable[[], Any], seconds: float = 20, what: str = "the condition") -> Any:
    """The first true answer. Fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:g} s"
        await asyncio.sleep(0.02)
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """One status record."""

    status: str
    attempt: int
    record: dict[str, Any]
    headers: dict[str, bytes]


class Ground:
    """The topics of one channel, e-mail as a rule, entered at their ends by a consumer group of this ground's own.

    Tests on one broker keep apart by that group and by recipients that carry `self.name`.
    """

    def __init__(self, bootstrap: str, schedule: RetrySchedule = SCHEDULE, channel: Channel = Channel.EMAIL) -> None:
        self.name = uuid.uuid4().hex[:8]
        self.bootstrap = bootstrap
        self.group = f"test-{self.name}"
        self.policy = policy(
            bootstrap_servers=bootstrap,
            channel=channel,
            schedule=schedule,
            instance=self.name,
            consumer={"group.id": self.group},
            session_timeout=timedelta(seconds=40),  # a loop that stands still for half of it would end the tests
        )
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._create([*self.policy.topics, topics.DELIVERY_STATUS, topics.DEAD_LETTERS])
        self._enter_at_the_ends()
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": 0, "partitioner": "murmur2_random", "acks": "all"}
        )
        self._out: list[Message] = []
        self._closing = threading.Event()
        self._reading = threading.Thread(target=self._read, args=(self._reader(),), daemon=True)
        self._reading.start()

    def close(self) -> None:
        self._closing.set()
        self._reading.join(10)

    def who(self, name: str) -> str:
        """A recipient of this test's own."""
        return f"{name}-{self.name}"

    def put(self, *values: Delivery, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Queue deliveries, as the router does; confirmed."""
        for value in values:
            told = value.notification
            self.put_raw(topics.deliveries(value.channel, told.priority), told.recipient_id, encoded(value), headers)
        assert self._producer.flush(10) == 0

    def put_alone(self, *values: Delivery) -> None:
        """The same for a type that keeps no order: each has its own id as key, on the partition of its recipient."""
        for value in values:
            told = value.notification
            topic, partition = topics.deliveries(value.channel, told.priority), self.partition(told.recipient_id)
            self.put_raw(topic, value.delivery_id, encoded(value), partition=partition)
        self.flush()

    def partition(self, who: str) -> int:
        """The one of this recipient."""
        return int(murmur2(who.encode(), PARTITIONS))

    def put_raw(self, topic: str, key: str, value: bytes | None, headers: Any = None, partition: int = -1) -> None:
        self._producer.produce(topic, value, key.encode(), headers=headers, partition=partition)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(10) == 0

    def parts(self, provider: Any, claims: Any, recipients: Any = None) -> SenderParts:
        return SenderParts(provider, recipients or EveryRecipient(), claims, compose, CATALOGUE, CODEC)

    @asynccontextmanager
    async def sender(self, parts: SenderParts, using: SenderPolicy | None = None) -> AsyncIterator[Sender]:
        """A sender in this process, ready; stopped in good order at the end."""
        sender = Sender(using or self.policy, parts)
        running = asyncio.create_task(sender.run())
        try:
            await until(lambda: sender.state == "ready" or running.done(), what="a ready sender")
            yield sender
        finally:
            sender.stop()
            await asyncio.wait_for(running, 30)

    @contextmanager
    def process(self, config: Config) -> Iterator[subprocess.Popen[bytes]]:
        """A sender as a process of its own; killed at the end if it still runs."""
        command = [sys.executable, "-m", "tests.delivery.sender_process", json.dumps(asdict(config))]
        log = Path(config.log).with_name(f"{config.instance}.stderr").open("ab")
        with log, subprocess.Popen(command, stderr=log, cwd=ROOT) as process:
            try:
                yield process
            finally:
                process.kill()

    def told(self) -> dict[str, list[Told]]:
        """The statuses of this ground's deliveries by delivery id, in the order of their topic."""
        made: dict[str, list[Told]] = defaultdict(list)
        for message in list(self._out):
            if message.topic() == topics.DELIVERY_STATUS:
                record = CODEC.decode("DeliveryStatus", message.value())
                told = Told(record["status"], record["attempt"], record, dict(message.headers() or ()))
                made[record["delivery_id"]].append(told)
        return made

    def statuses(self, value: Delivery) -> list[str]:
        return [told.status for told in self.told()[value.delivery_id]]

    def ended(self, *values: Delivery) -> bool:
        """Whether all of them are in a terminal status."""
        told = self.told()
        return all(any(Status(each.status) in TERMINAL for each in told[value.delivery_id]) for value in values)

    def dead_letters(self) -> list[tuple[bytes | None, bytes | None, dict[str, bytes]]]:
        """Key, value and headers."""
        found = [message for message in list(self._out) if message.topic() == topics.DEAD_LETTERS]
        return [(message.key(), message.value(), dict(message.headers() or ())) for message in found]

    def lag(self) -> int:
        """Records not committed by the group, over all its topics."""
        places = list(self._places(self.policy.topics))
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
        try:
            committed = consumer.committed(places, timeout=10)
        finally:
            consumer.close()
        ends = self._ends(places)
        return sum(ends[tp.topic, tp.partition] - tp.offset for tp in committed)

    async def committed(self) -> None:
        """Waits until nothing is left."""
        deadline = time.monotonic() + 15
        while (lag := await asyncio.to_thread(self.lag)) != 0:
            assert time.monotonic() < deadline, f"{lag} records were never committed"

    def _create(self, names: list[str]) -> None:
        there = self._admin.list_topics(timeout=10).topics
        main = there.get(self.policy.topics[0])
        count = len(main.partitions) if main else PARTITIONS
        wanted = [NewTopic(name, count, 1) for name in names if name not in there]
        for made in (self._admin.create_topics(wanted) if wanted else {}).values():
            made.result(10)
        deadline = time.monotonic() + 10
        while not set(names) <= set(self._admin.list_topics(timeout=10).topics):
            assert time.monotonic() < deadline, "the topics do not appear"
            time.sleep(0.05)

    def _enter_at_the_ends(self) -> None:
        places = list(self._places(self.policy.topics))
        ends = self._ends(places)
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
        at = [TopicPartition(tp.topic, tp.partition, ends[tp.topic, tp.partition]) for tp in places]
        consumer.commit(offsets=at, asynchronous=False)
        consumer.close()

    def _reader(self) -> Consumer:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.group}-reader",
                             "enable.auto.commit": False, "fetch.wait.max.ms": 50})  # fmt: skip
        places = list(self._places((topics.DELIVERY_STATUS, topics.DEAD_LETTERS)))
        ends = self._ends(places)
        consumer.assign([TopicPartition(tp.topic, tp.partition, ends[tp.topic, tp.partition]) for tp in places])
        return consumer

    def _read(self, consumer: Consumer) -> None:
        while not self._closing.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error() is not None:  # one without a value is false
                continue
            if self.name.encode() in (message.key() or b"") + (message.value() or b""):
                self._out.append(message)
        consumer.close()

    def _places(self, names: tuple[str, ...]) -> Iterator[TopicPartition]:
        there = self._admin.list_topics(timeout=10).topics
        for name in names:
            yield from (TopicPartition(name, number) for number in there[name].partitions)

    def _ends(self, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        """A topic that was just made may have no leader yet."""
        deadline = time.monotonic() + 10
        while True:
            asked = {TopicPartition(tp.topic, tp.partition): OffsetSpec.latest() for tp in places}
            answers = self._admin.list_offsets(asked, request_timeout=10)
            try:
                return {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
            except KafkaException:
                assert time.monotonic() < deadline, "no leader"
            time.sleep(0.1)
