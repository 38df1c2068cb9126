"""Topics of a test's own on a real Kafka, routers on them, and an independent reader of what came out."""

import json
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from schemas.codec import Codec
from schemas.records import notification_to_record, preference_to_record
from streams.agents.router_topics import RouterTopics
from streams.app import declared
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.preferences import Choice, Preference

CODEC = Codec()
PARTITIONS = 4
ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], Any], seconds: float, what: str = "the condition") -> Any:
    """The first true answer. Fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds:g} s")
        time.sleep(0.02)
    return found


def notification(number: int, recipient: str, **changes: Any) -> Notification:
    """Number `number` of a recipient, created now."""
    values: dict[str, Any] = {
        "notification_id": f"{recipient}-{number}",
        "recipient_id": recipient,
        "type": "order.shipped",
        "priority": Priority.NORMAL,
        "created_at": time.time_ns() // 1_000_000,
        "data": json.dumps({"number": number}),
    }
    return Notification(**{**values, **changes})


def _end(reader: Consumer, topic: str, partition: int) -> int:
    """The end offset; waits while a new topic has no leader yet."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return int(reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1])
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def incompressible(size: int) -> str:
    """`size` characters of data that compression makes half as long at best."""
    return json.dumps({"text": random.Random(size).randbytes(size).hex()[: size - 12]})


def encoded(value: Notification) -> bytes:
    return CODEC.encode("Notification", notification_to_record(value))


def preference(recipient: str, version: int, *choices: Choice) -> bytes:
    value = Preference(recipient, version, choices=choices)
    return CODEC.encode("Preference", preference_to_record(value, 0))


@dataclass
class RouterProcess:
    """One run of a router."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def phase(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bytes(answer.read()).decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            return "gone"

    def hears_signals(self) -> None:
        """Wait until it is past its imports: before that a signal just ends the interpreter."""
        until(
            lambda: self.process.poll() is not None or self.phase() not in ("gone", "starting"),
            20,
            "a router that hears signals",
        )

    def ready(self, seconds: float = 30) -> "RouterProcess":
        until(lambda: self.phase() == "ready", seconds, "a ready router")
        return self

    def stop(self) -> int:
        """A planned stop."""
        self.hears_signals()
        self.process.terminate()
        return self.ended(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def ended(self, seconds: float) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    def said(self) -> str:
        return self.log.read_text()


@dataclass
class Ground:
    """One installation under a prefix of its own."""

    bootstrap_servers: str
    folder: Path
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}.")
    runs: int = 0

    def __post_init__(self) -> None:
        self.topics = RouterTopics.named(self.prefix)
        self.group = f"{self.prefix}router"
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        self.producer = Producer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "enable.idempotence": True,
                "log_level": 0,
            }
        )

    def create(self, *leave_out: str, partitions: Mapping[str, int] | None = None, **config: dict[str, str]) -> None:
        """All topics of a router but those left out, as declared. `config` by the topic's name without prefix, with _
        for dots."""
        wanted = []
        for name, settings in declared(self.topics).items():
            given = config.get(name.removeprefix(self.prefix).replace(".", "_").replace("-", "_"), {})
            if name not in leave_out:
                count = (partitions or {}).get(name, PARTITIONS)
                wanted.append(NewTopic(name, count, 1, config={**settings, **given}))
        for made in self.admin.create_topics(wanted).values():
            made.result(20)
        names = {topic.topic for topic in wanted}  # the controller has them; the broker hears of them a little later
        until(lambda: names <= self.admin.list_topics(timeout=20).topics.keys(), 20, "the new topics")

    def configure(self, topic: str, name: str, value: str) -> None:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        resource.add_incremental_config(ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET))
        for done in self.admin.incremental_alter_configs([resource]).values():
            done.result(20)
        asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
        until(lambda: self.admin.describe_configs([asked])[asked].result(20)[name].value == value, 20, name)

    def send(self, topic: str, key: str | None, value: bytes | None, headers: Any = None) -> None:
        while True:
            try:
                self.producer.produce(topic, value, None if key is None else key.encode(), headers=headers)
            except BufferError:
                self.producer.poll(0.1)
            else:
                return

    def notify(self, values: Iterable[Notification]) -> None:
        for value in values:
            self.send(self.topics.notifications[value.priority], value.recipient_id, encoded(value))
        self.flush()

    def flush(self) -> None:
        assert self.producer.flush(30) == 0

    @contextmanager
    def router(self, program: str = "router_process", **changes: Any) -> Iterator[RouterProcess]:
        """A router of this ground, or another program that runs like one; killed at the end unless it has ended."""
        self.runs += 1
        given = {
            "bootstrap_servers": self.bootstrap_servers,
            "instance": "one",
            "group": self.group,
            "prefix": self.prefix,
            "state_folder": str(self.folder / "state"),
            **changes,
        }
        home = self.folder / f"run{self.runs}"
        home.mkdir()
        log = self.folder / f"run{self.runs}.log"
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [sys.executable, "-m", f"tests.engine.{program}", json.dumps(given)],
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=home,
                env={"PATH": "", "PYTHONPATH": str(ROOT)},
            ) as process,
        ):
            assert process.stdout is not None
            try:
                yield RouterProcess(process, int(process.stdout.readline()), log)
            except AssertionError as error:
                error.add_note(log.read_text()[-5000:])
                raise
            finally:
                process.kill()

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """End offset of each partition that has records."""
        reader = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "reader"})
        try:
            found = {(topic, p): _end(reader, topic, p) for topic in topics for p in range(PARTITIONS)}
        finally:
            reader.close()
        return {tp: end for tp, end in found.items() if end}

    def written(self, topic: str) -> int:
        return sum(self.ends([topic]).values())

    def wait_for(self, topic: str, records: int) -> None:
        """Wait until the topic has so many."""
        until(lambda: self.written(topic) >= records, 60, f"{records} records on {topic}")

    def committed(self) -> dict[tuple[str, int], int]:
        """What the routers' group has committed."""
        reader = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": self.group})
        wanted = [TopicPartition(t, p) for t in self.topics.notifications.values() for p in range(PARTITIONS)]
        try:
            return {(tp.topic, tp.partition): tp.offset for tp in reader.committed(wanted, timeout=10) if tp.offset > 0}
        finally:
            reader.close()

    def drained(self, seconds: float = 30) -> None:
        """Wait until the committed offset equals the end on every partition."""
        ends = self.ends(self.topics.notifications.values())
        until(lambda: self.committed() == ends, seconds, f"committed {self.committed()} = ends {ends}")

    def read(self, topic: str) -> list[Message]:
        """Everything on a topic, each partition in order."""
        ends = self.ends([topic])
        reader = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "reader"})
        reader.assign([TopicPartition(topic, p, 0) for _, p in ends])
        found: list[Message] = []
        missing = {p: end for (_, p), end in ends.items()}
        deadline = time.monotonic() + 60
        try:
            while missing:
                assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
                for message in reader.consume(5000, 0.2):
                    assert message.error() is None, message.error()
                    found.append(message)
                    if message.offset() + 1 >= missing.get(message.partition(), 0):
                        missing.pop(message.partition(), None)
        finally:
            reader.close()
        return found

    def deliveries(self, channel: Channel, priority: Priority = Priority.NORMAL) -> list[dict[str, Any]]:
        return [
            CODEC.decode("Delivery", message.value())
            for message in self.read(self.topics.deliveries[channel, priority])
        ]

    def decisions(self) -> list[dict[str, Any]]:
        return [CODEC.decode("Decision", message.value()) for message in self.read(self.topics.decisions)]

    def dead_letters(self) -> list[Message]:
        return self.read(self.topics.dead_letters)


def numbers_by_recipient(ids: Iterable[str]) -> dict[str, list[int]]:
    """Ids as `notification` makes them -> the numbers of each recipient, each once, in order of first occurrence."""
    found: dict[str, dict[int, None]] = defaultdict(dict)
    for each in ids:
        recipient, number = each.rsplit("-", 1)
        found[recipient][int(number)] = None
    return {recipient: list(numbers) for recipient, numbers in found.items()}
