"""Deliveries of a type that keeps no order: each is a lane of its own."""

from connectors.memory.provider import ProviderInMemory, permanent, transient
from connectors.redis.claims import RedisClaims
from streams.domain.notification import Priority
from tests.delivery.builders import delivery, encoded
from tests.delivery.ground import Ground, until


async def test_one_that_fails_parks_nobody_behind_it_and_is_retried_all_the_same(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, ada = ProviderInMemory(), ground.who("ada")
    provider.script([transient("421"), transient("422"), transient("423")], f"{ada}@example.org")
    first, later = delivery(ada, 1), [delivery(ada, n) for n in range(2, 8)]
    async with ground.sender(ground.parts(provider, claims)):
        ground.put_alone(first)
        await until(lambda: "retrying" in ground.statuses(first))
        ground.put_alone(*later)
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
        ground.put_alone(mail, mail, mail)
        await until(lambda: ground.ended(mail))
        await ground.committed()
    assert len(provider.calls) == 1


async def test_its_dead_letter_keeps_its_key_and_its_status_has_the_recipients(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"), priority=Priority.HIGH)
    provider.script([permanent("550")])
    async with ground.sender(ground.parts(provider, claims)):
        ground.put_alone(mail)
        await until(lambda: ground.dead_letters() and ground.ended(mail))
        await ground.committed()
    [(key, value, told)] = ground.dead_letters()
    assert (key, value, told["origin_topic"]) == (mail.delivery_id.encode(), encoded(mail), b"deliveries.email.high")
