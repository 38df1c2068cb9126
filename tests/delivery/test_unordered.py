"""Deliveries of a type that keeps no order: each is a lane of its own."""

from confluent_kafka import murmur2

from connectors.memory.provider import ProviderInMemory, permanent, transient
from connectors.redis.claims import RedisClaims
from schemas import topics
from streams.domain.delivery import Delivery
from streams.domain.notification import Priority
from tests.delivery.builders import delivery, encoded
from tests.delivery.ground import PARTITIONS, Ground, until


def put_alone(ground: Ground, *values: Delivery) -> None:
    """As the router does: its own key, on the partition of its recipient."""
    for value in values:
        told = value.notification
        ground.put_raw(
            topics.deliveries(value.channel, told.priority),
            value.delivery_id,
            encoded(value),
            partition=murmur2(told.recipient_id.encode(), PARTITIONS),
        )
    ground.flush()


async def test_one_that_fails_parks_nobody_behind_it_and_is_retried_all_the_same(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, ada = ProviderInMemory(), ground.who("ada")
    provider.script([transient("421"), transient("422"), transient("423")], f"{ada}@example.org")
    first, later = delivery(ada, 1), [delivery(ada, n) for n in range(2, 8)]
    async with ground.sender(ground.parts(provider, claims)):
        put_alone(ground, first)
        await until(lambda: "retrying" in ground.statuses(first))
        put_alone(ground, *later)
        await until(lambda: ground.ended(first, *later))
        await ground.committed()
    ends = {value.delivery_id: ground.statuses(value) for value in (first, *later)}
    retried = [each for each in ends.values() if "retrying" in each]
    assert sum(each.count("retrying") for each in retried) == 3
    assert {each[-1] for each in ends.values()} == {"sent"}
    order = [int(message.parts["text"]) for message in provider.sent]
    assert order[-1] in {n for n, each in enumerate(ends.values(), 1) if "retrying" in each}
    assert sorted(order) == list(range(1, 8))
    told = ground.told()[first.delivery_id]
    assert {each.record["recipient_id"] for each in told} == {ada}


async def test_copies_of_one_delivery_wait_for_each_other_and_only_one_is_called(
    ground: Ground, claims: RedisClaims
) -> None:
    """A router that was killed writes again what it had written."""
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"))
    async with ground.sender(ground.parts(provider, claims)):
        put_alone(ground, mail, mail, mail)
        await until(lambda: ground.ended(mail))
        await ground.committed()
    assert len(provider.calls) == 1


async def test_its_dead_letter_keeps_its_key_and_its_status_has_the_recipients(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"), priority=Priority.HIGH)
    provider.script([permanent("550")])
    async with ground.sender(ground.parts(provider, claims)):
        put_alone(ground, mail)
        await until(lambda: ground.dead_letters() and ground.ended(mail))
        await ground.committed()
    [(key, value, told)] = ground.dead_letters()
    assert (key, value, told["origin_topic"]) == (mail.delivery_id.encode(), encoded(mail), b"deliveries.email.high")
