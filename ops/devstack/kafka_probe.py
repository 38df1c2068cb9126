"""The truth about Kafka's readiness."""

import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ops.devstack.failures import StackFailed

TIMEOUT_SECONDS = 30


def produce_and_fetch(address: str) -> None:
    """Write a record to a new topic and read it back (0.2 s); StackFailed when it does not come back."""
    quick: dict[str, str | int] = {
        "bootstrap.servers": address,
        "log_level": 0,
        "topic.metadata.refresh.fast.interval.ms": 20,
        "retry.backoff.ms": 20,
        "reconnect.backoff.ms": 20,
    }
    topic = f"devstack-ready-{uuid.uuid4().hex[:8]}"
    try:
        admin = AdminClient(quick)  # kept in a variable: a collected client cancels what it was asked
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_SECONDS)
        producer = Producer({**quick, "linger.ms": 0})
        producer.produce(topic, b"ready")
        producer.flush(TIMEOUT_SECONDS)
        _fetch(quick, topic)
        admin.delete_topics([topic])[topic].result(TIMEOUT_SECONDS)
    except KafkaException as problem:
        raise StackFailed(f"kafka at {address} does not do its work: {problem}") from problem


def _fetch(quick: dict[str, str | int], topic: str) -> None:
    # without auto-commit: else Kafka first creates its offsets topic, which takes 2 s
    consumer = Consumer({**quick, "group.id": topic, "enable.auto.commit": False, "fetch.error.backoff.ms": 20})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(TIMEOUT_SECONDS)
    consumer.close()
    if message is None or message.error() or message.value() != b"ready":
        raise StackFailed(f"kafka does not give back what it took: {message.error() if message else 'nothing came'}")
