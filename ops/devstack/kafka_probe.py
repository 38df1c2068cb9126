"""The truth about Kafka's readiness."""

import time
import uuid
from collections.abc import Set as AbstractSet

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic

from ops.devstack.failures import StackFailed

TIMEOUT_SECONDS = 30
TRY_SECONDS = 5


def produce_and_fetch(address: str, number: int = 1, others: AbstractSet[int] = frozenset()) -> None:
    """Write a record to a new topic and read it back (0.2 s); StackFailed when it does not come back within 30 s.

    In a cluster: the node `number` at this address leads, with copies on all `others`. So what is shown is that this
    very node serves, and that enough of the others take its records.
    """
    topic, deadline = f"devstack-ready-{uuid.uuid4().hex[:8]}", time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            return _try(_quick(address), topic, [number, *sorted(others)])
        except (KafkaException, TimeoutError) as problem:
            if time.monotonic() > deadline:
                raise StackFailed(f"kafka at {address} does not do its work: {problem}") from problem


def _try(quick: dict[str, str | int], topic: str, replicas: list[int]) -> None:
    """Once, and soon again: a client may ask a node that died a moment ago, and would wait for it for a minute."""
    admin = AdminClient(quick)  # kept in a variable: a collected client cancels what it was asked
    copies = NewTopic(topic, 1, replica_assignment=[replicas])
    try:
        admin.create_topics([copies], request_timeout=TRY_SECONDS)[topic].result(TRY_SECONDS)
    except KafkaException as problem:
        if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    producer = Producer({**quick, "linger.ms": 0, "acks": "all"})
    producer.produce(topic, b"ready")
    if producer.flush(TRY_SECONDS):
        raise TimeoutError("a record is not acknowledged")
    _fetch(quick, topic)
    admin.delete_topics([topic], request_timeout=TRY_SECONDS)[topic].result(TRY_SECONDS)


def await_nodes(address: str, numbers: AbstractSet[int]) -> None:
    """Return when the node at this address knows these others as running; StackFailed when it does not in 30 s."""
    admin, deadline = AdminClient(_quick(address)), time.monotonic() + TIMEOUT_SECONDS
    while missing := numbers - _metadata(admin).brokers.keys():
        if time.monotonic() > deadline:
            raise StackFailed(f"kafka at {address} misses node {', '.join(map(str, sorted(missing)))}")
        time.sleep(0.05)


def behind(address: str) -> list[str]:
    """The partitions ("topic-0") of which some copy is not in sync; StackFailed when nobody answers for 30 s."""
    topics = _metadata(AdminClient(_quick(address))).topics.values()
    partitions = [(topic.topic, each) for topic in topics for each in topic.partitions.values()]
    return [f"{topic}-{each.id}" for topic, each in partitions if len(each.isrs) < len(each.replicas)]


def _metadata(admin: AdminClient) -> ClusterMetadata:
    try:
        return admin.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as problem:
        raise StackFailed(f"kafka does not answer: {problem}") from problem


def _quick(address: str) -> dict[str, str | int]:
    return {
        "bootstrap.servers": address,
        "log_level": 0,
        "topic.metadata.refresh.fast.interval.ms": 20,
        "retry.backoff.ms": 20,
        "reconnect.backoff.ms": 20,
    }


def _fetch(quick: dict[str, str | int], topic: str) -> None:
    # without auto-commit: else Kafka first creates its offsets topic, which takes 2 s
    consumer = Consumer({**quick, "group.id": topic, "enable.auto.commit": False, "fetch.error.backoff.ms": 20})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(TRY_SECONDS)
    consumer.close()
    if message is None or message.error() or message.value() != b"ready":
        raise TimeoutError(f"it does not give back what it took: {message.error() if message else 'nothing came'}")
