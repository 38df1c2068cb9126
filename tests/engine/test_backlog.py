"""Where partitions end, asked of a Kafka that does not answer at once."""

import asyncio
import time

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.devstack import Stack
from streams.engine.backlog import Backlog
from streams.engine.batch import Partition
from tests.standstill import standing_still

pytestmark = pytest.mark.servers
KAFKA, TOPIC = "kafka", "ends"
WANTED = [Partition(TOPIC, 0), Partition(TOPIC, 1)]
ENDS = {Partition(TOPIC, 0): 3, Partition(TOPIC, 1): 2}


async def test_a_kafka_that_hangs_tells_no_end_and_is_heard_when_it_moves_on(own_kafka: Stack) -> None:
    """Its client answers -1001 then, and no error: a table would pass for loaded."""
    address = own_kafka.endpoints.kafka_bootstrap_servers
    admin, producer = AdminClient({"bootstrap.servers": address}), Producer({"bootstrap.servers": address})
    await asyncio.to_thread(admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result, 30)
    for number in range(5):
        producer.produce(TOPIC, b"x", partition=number % 2)
    assert await asyncio.to_thread(producer.flush, 20) == 0
    backlog = Backlog(address, timeout_seconds=1)
    assert await asyncio.to_thread(in_the_end, backlog) == ENDS  # its first answer may take a second on a busy machine
    with standing_still(own_kafka, KAFKA):
        for _ in range(2):
            with pytest.raises(KafkaException):
                await asyncio.to_thread(backlog.ends, WANTED)
    assert await asyncio.to_thread(in_the_end, backlog) == ENDS


def in_the_end(backlog: Backlog) -> dict[Partition, int]:
    deadline = time.monotonic() + 20
    while True:
        try:
            return backlog.ends(WANTED)
        except KafkaException:
            assert time.monotonic() < deadline
            time.sleep(0.05)
