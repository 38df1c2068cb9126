"""What lies on topics, read once from begin to end."""

from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition


def records_of(bootstrap_servers: str, topic: str) -> Iterator[Message]:
    """Every record up to the ends as they are now, each partition in order."""
    settings = {"bootstrap.servers": bootstrap_servers, "group.id": "bench-reader", "enable.auto.commit": False}
    reader = Consumer({**settings, "log_level": 0})
    try:
        partitions = reader.list_topics(topic, timeout=30).topics[topic].partitions
        ends = {p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1] for p in partitions}
        missing = {p: end for p, end in ends.items() if end}
        reader.assign([TopicPartition(topic, p, 0) for p in missing])
        while missing:
            # not more than there can be: consume() waits for as many as are asked for
            for message in reader.consume(min(5_000, sum(missing.values())), 0.2):
                if message.error():
                    raise KafkaException(message.error())
                yield message
                left = ends[message.partition()] - message.offset() - 1
                if left > 0:
                    missing[message.partition()] = left
                else:
                    missing.pop(message.partition(), None)
    finally:
        reader.close()


def latest_of(bootstrap_servers: str, topic: str) -> Mapping[bytes, bytes]:
    """The last value of each key."""
    found: dict[bytes, bytes] = {}
    for message in records_of(bootstrap_servers, topic):
        if message.value() is None:
            found.pop(message.key(), None)
        else:
            found[message.key()] = message.value()
    return found
