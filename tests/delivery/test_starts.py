"""Where partitions begin and end, asked of a Kafka that does not answer at once."""

import asyncio

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.delivery.starts import present_ends
from ops.devstack import Stack
from tests.delivery.ground import until
from tests.standstill import standing_still

pytestmark = pytest.mark.servers
KAFKA, TOPIC = "kafka", "ends"


async def test_a_kafka_that_hangs_is_asked_again_and_what_it_did_not_say_is_no_end(own_kafka: Stack) -> None:
    """The client answers -1001 for it, and no error."""
    server = {"bootstrap.servers": own_kafka.endpoints.kafka_bootstrap_servers, "log_level": 0}
    admin, questions = AdminClient(server), list[None]()
    await asyncio.to_thread(admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result, 30)
    producer = Producer(server)
    for number in range(5):
        producer.produce(TOPIC, b"x", partition=number % 2)
    assert await asyncio.to_thread(producer.flush, 20) == 0
    given = [TopicPartition(TOPIC, number) for number in range(2)]

    def ends() -> dict[tuple[str, int], int]:
        return present_ends(admin, lambda: AdminClient(server), given, lambda: questions.append(None))

    assert await asyncio.to_thread(ends) == {(TOPIC, 0): 3, (TOPIC, 1): 2}
    questions.clear()
    with standing_still(own_kafka, KAFKA):
        asking = asyncio.create_task(asyncio.to_thread(ends))
        await until(lambda: asking.done() or len(questions) == 2, 30, "a second question")
        assert not asking.done()
    assert await asyncio.wait_for(asking, 30) == {(TOPIC, 0): 3, (TOPIC, 1): 2}
