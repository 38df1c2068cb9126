"""A sender on real Kafka and Valkey: every end, once, in order."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.delivery.sender import Sender
from connectors.delivery.start_check import WrongTopics
from connectors.memory.provider import Hangs, ProviderInMemory, permanent, transient
from connectors.redis.claims import RedisClaims
from ops.devstack import Endpoints
from ops.telemetry.health import Health
from streams.domain.notification import Priority
from streams.domain.preferences import Preference
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import EveryRecipient, delivery, encoded, now_ms, recipient
from tests.delivery.ground import Ground, until


def numbers(provider: ProviderInMemory, who: str) -> list[int]:
    """What was sent to somebody, in the order of the calls."""
    return [int(message.parts["text"]) for message in provider.sent if message.address == f"{who}@example.org"]


async def test_what_the_provider_takes_is_sent_and_committed(ground: Ground, claims: RedisClaims) -> None:
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"))
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(mail, headers=[("traceparent", b"00-1-2-01")])
        await until(lambda: ground.ended(mail))
        await ground.committed()
    [told] = ground.told()[mail.delivery_id]
    assert (told.status, told.attempt, told.headers["traceparent"]) == ("sent", 1, b"00-1-2-01")
    assert [message.address for message in provider.sent] == [f"{ground.who('ada')}@example.org"]


async def test_a_lane_keeps_its_order_through_retries_and_delays_nobody_else(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, ada, bob = ProviderInMemory(), ground.who("ada"), ground.who("bob")
    provider.script([transient("421"), transient("422")], f"{ada}@example.org")
    to_ada, to_bob = [delivery(ada, n) for n in range(1, 6)], delivery(bob, 9)
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(*to_ada, to_bob)
        await until(lambda: ground.ended(to_bob))
        late = delivery(ada, 6)
        ground.put(late)
        await until(lambda: ground.ended(*to_ada, late))
        await ground.committed()
    assert numbers(provider, ada) == [1, 2, 3, 4, 5, 6]
    told_of_first, told_of_bob = (ground.told()[each.delivery_id] for each in (to_ada[0], to_bob))
    assert [(told.status, told.attempt) for told in told_of_first] == [("retrying", 1), ("retrying", 2), ("sent", 3)]
    assert (
        told_of_bob[0].record["occurred_at"] < told_of_first[-1].record["occurred_at"]
    )  # as they say, not as they came
    assert ground.statuses(late) == ["sent"]


async def test_what_no_retry_can_help_is_a_dead_letter_with_its_raw_bytes(ground: Ground, claims: RedisClaims) -> None:
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"), priority=Priority.HIGH)
    provider.script([permanent("550")])
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(mail)
        await until(lambda: ground.dead_letters() and ground.ended(mail))
        await ground.committed()
    [(key, value, told)] = ground.dead_letters()
    assert (key, value) == (ground.who("ada").encode(), encoded(mail))
    assert (told["failure_kind"], told["origin_topic"]) == (b"permanent", b"deliveries.email.high")


async def test_after_its_last_attempt_a_delivery_is_a_dead_letter_and_its_lane_goes_on(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, ada = ProviderInMemory(), ground.who("ada")
    provider.script([transient(str(n)) for n in range(4)], f"{ada}@example.org")
    first, second = delivery(ada, 1), delivery(ada, 2)
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(first, second)
        await until(lambda: ground.ended(first, second))
        await ground.committed()
    assert ground.statuses(first) == ["retrying", "retrying", "retrying", "dead_lettered"]
    assert numbers(provider, ada) == [2]
    [(_, value, told)] = ground.dead_letters()
    assert (value, told["failure_kind"], told["attempt"]) == (encoded(first), b"exhausted", b"4")


async def test_poison_is_set_aside_and_its_partition_moves_on(ground: Ground, claims: RedisClaims) -> None:
    provider, ada = ProviderInMemory(), ground.who("ada")
    mail = delivery(ada)
    topics = ground.policy.topics
    async with ground.sender(ground.parts(provider, claims)):
        ground.put_raw(topics[1], ada, b"\xc3\x01garbage")
        ground.put_raw(topics[3], ada, encoded(mail), [("priority", b"urgent")])
        ground.put_raw(topics[1], ada, None)
        ground.put(mail)
        await until(lambda: ground.ended(mail) and len(ground.dead_letters()) == 3)
        await ground.committed()
    assert {value for _, value, _ in ground.dead_letters()} == {b"\xc3\x01garbage", encoded(mail), None}
    assert {told["failure_kind"] for _, _, told in ground.dead_letters()} == {b"poison"}
    assert ground.statuses(mail) == ["sent"]


async def test_nothing_goes_out_after_its_expiry_or_an_opt_out(ground: Ground, claims: RedisClaims) -> None:
    provider, known = ProviderInMemory(), EveryRecipient()
    out = ground.who("out")
    known.told[out] = recipient(out, preference=Preference(out, 2, unsubscribed=True))
    late, news = delivery(ground.who("late"), expires_at=now_ms() - 1), delivery(out, type="news")
    provider.script([transient()] * 4, f"{ground.who('slow')}@example.org")
    async with ground.sender(ground.parts(provider, claims, known)):
        slow = delivery(ground.who("slow"), expires_at=now_ms() + 300)
        ground.put(late, news, slow)
        await until(lambda: ground.ended(late, news, slow))
        await ground.committed()
    assert provider.sent == []
    told = ground.told()
    assert [(each.status, each.record["reason"], each.record["layer"]) for each in told[news.delivery_id]] == [
        ("suppressed", "unsubscribed", "veto")
    ]
    assert ground.statuses(late) == ["expired"]
    assert ground.statuses(slow)[-1] == "expired"


async def test_a_redriven_dead_letter_is_sent_again(ground: Ground, claims: RedisClaims) -> None:
    provider, mail = ProviderInMemory(), delivery(ground.who("ada"))
    provider.script([permanent()])
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(mail)
        await until(lambda: ground.ended(mail))
        await ground.committed()  # its end is marked: until then a copy would rightly be tried anew
        ground.put(mail)  # the same record again is recognised
        await ground.committed()
        assert len(provider.calls) == 1
        ground.put(mail, headers=[("redrives", b"1")])
        await until(lambda: ground.statuses(mail)[-1] == "sent")
    first, second = ground.told()[mail.delivery_id]
    assert (first.status, second.status) == ("dead_lettered", "sent")
    assert (second.record["redrives"], second.attempt) == (1, 1)
    assert second.record["progress"] > first.record["progress"]


async def test_a_stop_lets_calls_in_flight_finish_and_commits_them(ground: Ground, claims: RedisClaims) -> None:
    provider, mails = ProviderInMemory(takes_seconds=0.3), [delivery(ground.who(f"r{n}")) for n in range(5)]
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(*mails)
        await until(lambda: len(provider.calls) == 5)
    assert not provider.running
    await ground.committed()
    await until(lambda: ground.ended(*mails))


async def test_a_call_that_outlasts_the_stop_is_made_again_by_the_next_sender(
    ground: Ground, claims: RedisClaims
) -> None:
    hanging, mail = ProviderInMemory(), delivery(ground.who("ada"))
    held = delivery(ground.who("bob"), type="login.code")
    hanging.script([Hangs(), Hangs()])
    impatient = replace(ground.policy, drain=timedelta(milliseconds=100))
    async with ground.sender(ground.parts(hanging, claims), impatient):
        ground.put(mail, held)
        await until(lambda: len(hanging.calls) == 2)
    provider = ProviderInMemory()
    async with ground.sender(ground.parts(provider, claims)):
        await until(lambda: ground.ended(mail, held))
        await ground.committed()
    assert len(provider.sent) == 1
    assert (ground.statuses(mail), ground.statuses(held)) == (["sent"], ["unknown"])


async def test_after_a_restart_a_lane_is_still_parked_before_anything_of_it_is_tried(
    servers: Endpoints, claims: RedisClaims
) -> None:
    ground = Ground(servers.kafka_bootstrap_servers, RetrySchedule.parse("50ms,2s,3s"))
    provider, ada, bob = ProviderInMemory(), ground.who("ada"), ground.who("bob")
    provider.script([transient(), transient()], f"{ada}@example.org")
    first, second, other = delivery(ada, 1), delivery(ada, 2), delivery(bob, 1)
    parts = ground.parts(provider, claims)
    async with ground.sender(parts):
        ground.put(first)
        await until(lambda: ground.statuses(first) == ["retrying", "retrying"])
    ground.put(second, other)
    async with ground.sender(parts):
        await until(lambda: ground.ended(first, second, other))
        await ground.committed()
    ground.close()
    assert numbers(provider, ada) == [1, 2]
    assert [message.address[:3] for message in provider.sent] == ["bob", "ada", "ada"]


async def test_senders_that_come_and_go_lose_nothing_repeat_nothing_and_keep_the_order(
    ground: Ground, claims: RedisClaims
) -> None:
    provider = ProviderInMemory(takes_seconds=0.002)
    names = [ground.who(f"r{n}") for n in range(20)]
    mails = [delivery(name, number) for number in range(1, 31) for name in names]
    parts = ground.parts(provider, claims)
    coming = replace(ground.policy, session_timeout=timedelta(seconds=10))
    async with ground.sender(parts, replace(coming, instance=f"{ground.name}-a")):
        ground.put(*mails[:200])
        async with ground.sender(parts, replace(coming, instance=f"{ground.name}-b")):
            ground.put(*mails[200:400])
            await until(lambda: len(provider.sent) > 250)
    async with ground.sender(parts, replace(coming, instance=f"{ground.name}-a")):
        ground.put(*mails[400:])
        await until(lambda: ground.ended(*mails), 60)
        await ground.committed()
    assert {name: numbers(provider, name) for name in names} == {name: list(range(1, 31)) for name in names}


async def test_a_sender_says_how_it_is(ground: Ground, claims: RedisClaims) -> None:
    health = Health()
    sender = Sender(ground.policy, ground.parts(ProviderInMemory(), claims), health)
    assert (sender.state, sender.alive()) == ("starting", True)
    running = asyncio.create_task(sender.run())
    await until(lambda: health.state == "ready")
    assert health.answer("/livez")[0] == 200
    sender.stop()
    assert health.answer("/readyz") == (503, "text/plain", b"stopping")
    await asyncio.wait_for(running, 20)


async def test_without_its_topics_a_sender_does_not_start_and_says_what_to_do(
    ground: Ground, claims: RedisClaims
) -> None:
    elsewhere = replace(ground.policy, schedule=RetrySchedule.parse("1s,17s,19s"))
    sender = Sender(elsewhere, ground.parts(ProviderInMemory(), claims))
    with pytest.raises(WrongTopics, match=r"deliveries\.email\.retry\.17s and 1 more does not exist.*topics apply"):
        await asyncio.wait_for(sender.run(), 20)
