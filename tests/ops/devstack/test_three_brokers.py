"""Kafka as a cluster of three nodes: what is promised of it, shown on a real one."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from signal import SIGKILL

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connectors.kafka.topic_admin import TopicAdmin
from connectors.kafka.topic_plan import plan
from ops.devstack import Stack
from ops.devstack.health import answers, parts_of
from ops.devstack.kafka_probe import behind
from ops.devstack.record import read_record
from schemas.topics import Topic
from tests.ops.devstack.waiting import all_pids, eventually, nothing_left

pytestmark = pytest.mark.servers
NAMES = ["kafka-1", "kafka-2", "kafka-3"]
QUIET = {"log_level": 0}  # a broker that is killed is no news
KEYS = 30
ENOUGH = 2_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Stack]:
    """Three nodes, each of which may be killed."""
    with Stack(services=("kafka",), tolerate=("kafka",), brokers=3) as stack:
        yield stack


def make_topic(cluster: Stack, name: str) -> Topic:
    """A topic as `tidings topics apply` makes it in this stack."""
    topic = Topic(name, None, ("a",), ("b",), {"retention.ms": "3600000"})
    copies = int(cluster.environment["TIDINGS_REPLICATION_FACTOR"])
    TopicAdmin(cluster.endpoints.kafka_bootstrap_servers).apply(plan([topic], {}, 3, copies))
    return topic


def test_three_brokers_run_and_each_is_told_of(cluster: Stack) -> None:
    addresses = cluster.endpoints.kafka_bootstrap_servers.split(",")
    for address in addresses:
        known = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).brokers
        told = {number: f"{broker.host}:{broker.port}" for number, broker in known.items()}
        assert told == dict(enumerate(addresses, 1))
    assert sorted(cluster.pids()) == NAMES
    assert sorted(cluster.start_seconds) == NAMES
    parts = parts_of(read_record(cluster.data))
    assert [(part.name, part.address) for part in parts] == list(zip(NAMES, addresses, strict=True))
    assert all(answers(part) for part in parts)


def test_a_topic_of_ours_is_kept_three_times_and_stays_so(cluster: Stack) -> None:
    topic = make_topic(cluster, "kept-three-times")
    servers = cluster.endpoints.kafka_bootstrap_servers
    admin = AdminClient({"bootstrap.servers": servers})
    partitions = admin.list_topics(topic.name, timeout=10).topics[topic.name].partitions
    assert [sorted(partition.replicas) for partition in partitions.values()] == [[1, 2, 3]] * 3
    assert {partition.leader for partition in partitions.values()} == {1, 2, 3}
    [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic.name)]).values()
    assert answer.result(10)["min.insync.replicas"].value == "2"
    assert plan([topic], TopicAdmin(servers).found([topic.name]), 3, 1) == ()


def test_no_acknowledged_record_is_lost_or_out_of_order_when_a_leader_is_killed(cluster: Stack) -> None:
    topic = make_topic(cluster, "survives")
    servers = cluster.endpoints.kafka_bootstrap_servers
    leader = AdminClient({"bootstrap.servers": servers}).list_topics(topic.name, timeout=10)
    victim = f"kafka-{leader.topics[topic.name].partitions[0].leader}"

    writer = Writer(servers, topic.name)
    writer.write_until(lambda: all(acknowledged > ENOUGH for acknowledged in writer.counts()))
    for _ in range(200):
        writer.write_round()  # so many that the kill finds some on their way
    cluster.signal(victim, SIGKILL)
    assert victim not in cluster.pids()
    before = writer.counts()
    writer.write_until(lambda: all(now > then + ENOUGH for now, then in zip(writer.counts(), before, strict=True)))
    assert writer.producer.flush(30) == 0
    assert writer.failed == []

    found = read_all(servers, topic.name)
    assert {key: numbers for key, numbers in found.items() if numbers != sorted(set(numbers))} == {}
    assert found == writer.acknowledged

    assert f"{topic.name}-0" in behind(servers)
    cluster.start(victim)
    assert sorted(cluster.pids()) == NAMES
    eventually(lambda: behind(servers) == [], "its copies are in sync again", seconds=20)


def test_the_command_starts_keeps_and_stops_them(tmp_path: Path) -> None:
    up = dev("up", "--only", "kafka", "--brokers", "3", "--detach", cwd=tmp_path)
    assert up.returncode == 0, up.stderr
    data = tmp_path / ".tidings" / "dev"
    servers = read_record(data).endpoints.kafka_bootstrap_servers
    assert all(f"{name}  " in up.stdout for name in NAMES)
    assert all(address in up.stdout for address in servers.split(","))
    told = json.loads(dev("status", "--json", cwd=tmp_path).stdout)
    assert told["answers"] == dict.fromkeys(NAMES, True)
    assert "Kafka Server started" in dev("logs", "kafka-2", "--lines", "5000", cwd=tmp_path).stdout
    producer = Producer({"bootstrap.servers": servers})
    TopicAdmin(servers).apply(plan([Topic("kept", None, ("a",), ("b",))], {}, 1, 3))
    producer.produce("kept", "1", key="k")
    assert producer.flush(20) == 0
    pids = all_pids(data)
    assert dev("down", cwd=tmp_path).returncode == 0
    assert nothing_left(data, pids)

    refused = dev("up", "--only", "kafka", cwd=tmp_path)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "has the data of 3 Kafka brokers, not of 1 Kafka broker: `--brokers 3` goes on with it" in refused.stderr

    with Stack(data, services=("kafka",), brokers=3) as again:
        assert again.endpoints.kafka_bootstrap_servers == servers
        assert read_all(servers, "kept") == {"k": [1]}
        pids = all_pids(data)
        again.signal("kafka-2", SIGKILL)  # not tolerated here
        eventually(lambda: nothing_left(data, pids), "the stack has ended")
        assert "kafka-2 ended with status -9" in again.wait()


def test_brokers_beside_a_given_kafka_are_refused_in_a_line(tmp_path: Path) -> None:
    given = {"TIDINGS_KAFKA_BOOTSTRAP_SERVERS": "elsewhere.test:9092"}
    refused = dev("up", "--brokers", "3", cwd=tmp_path, more=given)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "TIDINGS_KAFKA_BOOTSTRAP_SERVERS names a Kafka: leave out one of the two" in refused.stderr


class Writer:
    """An idempotent producer that writes 1, 2, 3, ... for each key, and what of it was acknowledged."""

    def __init__(self, servers: str, topic: str) -> None:
        self.topic, self.numbers = topic, count(1)
        self.acknowledged: dict[str, list[int]] = defaultdict(list)
        self.failed: list[KafkaError] = []
        self.by_partition = {0: 0, 1: 0, 2: 0}
        self.producer = Producer({**QUIET, "bootstrap.servers": servers, "enable.idempotence": True})

    def counts(self) -> list[int]:
        """How many records each partition has acknowledged."""
        return list(self.by_partition.values())

    def write_round(self) -> None:
        """One record for each key; not waited for."""
        number = next(self.numbers)
        for key in range(KEYS):
            self.producer.produce(self.topic, str(number), key=f"key-{key}", on_delivery=self.note)

    def write_until(self, enough: Callable[[], bool]) -> None:
        """Write on until it holds."""
        deadline = time.monotonic() + 60
        while not enough():
            assert time.monotonic() < deadline, f"stuck at {self.counts()}"
            self.write_round()
            self.producer.poll(0.005)

    def note(self, problem: KafkaError | None, message: Message) -> None:
        """The end of one record."""
        if problem:
            self.failed.append(problem)
            return
        key, number = message.key(), message.value()
        assert isinstance(key, bytes)
        assert isinstance(number, bytes)
        self.acknowledged[key.decode()].append(int(number))
        self.by_partition[message.partition() or 0] += 1


def read_all(servers: str, topic: str) -> dict[str, list[int]]:
    """All records of a topic: the numbers of each key, in their order."""
    consumer = Consumer({**QUIET, "bootstrap.servers": servers, "group.id": topic, "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {number: end_of(consumer, TopicPartition(topic, number)) for number in partitions}
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: dict[str, list[int]] = defaultdict(list)
    for _ in range(sum(ends.values())):
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        key, value = message.key(), message.value()
        assert isinstance(key, bytes)
        assert isinstance(value, bytes)
        found[key.decode()].append(int(value))
    consumer.close()
    return found


def end_of(consumer: Consumer, place: TopicPartition) -> int:
    """Asked until it is known: a leader that has just started first hears of its followers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return int(consumer.get_watermark_offsets(place, 10)[1])
        except KafkaException as error:
            if error.args[0].code() != KafkaError.OFFSET_NOT_AVAILABLE or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def dev(*words: str, cwd: Path, more: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """One `tidings dev` command."""
    command = [sys.executable, "-c", "from ops.commands.dev import app; app()", *words]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **(more or {})}, capture_output=True, text=True, timeout=60
    )
