"""Much waits in the retry topics of real Kafka: what is due is sent when it is due, and little is read before."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from connectors.delivery.poll_thread import AT_ONCE
from connectors.delivery.read_ahead import Bounds
from connectors.delivery.sender import Sender
from connectors.memory.provider import ProviderInMemory, transient
from connectors.redis.claims import RedisClaims
from streams.domain.delivery import Delivery
from tests.delivery.builders import delivery, encoded, now_ms
from tests.delivery.ground import PARTITIONS, Ground, until

pytestmark = pytest.mark.servers
HOUR = 3_600_000


def park(ground: Ground, mails: Sequence[Delivery], dues: Sequence[int]) -> None:
    """In the retry topics, in turn, each alone in a lane of its own; as if it had been first in its main topic."""
    for number in range(PARTITIONS):
        ground.put_raw(ground.policy.topics[1], "nobody", None, partition=number)
    for number, (mail, due) in enumerate(zip(mails, dues, strict=True)):
        told = [
            ("priority", b"normal"),
            ("attempt", b"2"),
            ("origin_offset", b"0"),
            ("not_before", b"%d" % due),
            ("first_failed_at", b"%d" % now_ms()),
        ]
        topic = ground.policy.topics[3 + number % 2]
        ground.put_raw(topic, mail.notification.recipient_id, encoded(mail), told)
    ground.flush()


def held(sender: Sender) -> int:
    """Bytes of what was read from the retry topics and has not ended."""
    return sender._ownership.assignment.ahead.held


async def test_what_is_due_is_sent_on_time_and_what_is_not_stays_in_kafka(ground: Ground, claims: RedisClaims) -> None:
    provider, due = ProviderInMemory(), now_ms() + 6_000
    early = [delivery(ground.who(f"early-{number}")) for number in range(40)]
    later = [delivery(ground.who(f"later-{number}")) for number in range(3_000)]
    park(ground, [*early, *later], [*[due] * len(early), *[due + HOUR] * len(later)])
    async with ground.sender(ground.parts(provider, claims)) as sender:
        assert len(sender._ownership.assignment.parked) == 3_040
        await until(lambda: held(sender) > 0, what="the first record")
        assert now_ms() < due
        await until(lambda: ground.ended(*early))
        assert held(sender) < 1_000 * 2_000  # of 3,000: one hand-over more for each time one was opened
    began = [told.record["call"]["started_at"] for mail in early for told in ground.told()[mail.delivery_id]]
    assert due <= min(began)
    assert max(began) < due + 1_000
    assert len(provider.sent) == len(early)


async def test_more_than_fits_that_is_due_at_once_is_sent_within_the_budget(
    ground: Ground, claims: RedisClaims
) -> None:
    provider, due = ProviderInMemory(), now_ms() - 1_000
    mails = [delivery(ground.who(f"r-{number}")) for number in range(2_500)]
    park(ground, mails, [due] * len(mails))
    using, most = replace(ground.policy, bounds=Bounds(read_ahead=300_000)), 0
    async with ground.sender(ground.parts(provider, claims), using) as sender:
        while len(provider.sent) < len(mails):
            most = max(most, held(sender))
            await asyncio.sleep(0.002)
        await until(lambda: ground.ended(*mails))
        await ground.committed()
        assert held(sender) == 0
    assert 0 < most < 300_000 + AT_ONCE * 2_500
    assert len({message.address for message in provider.sent}) == len(mails) == len(provider.sent)


async def test_what_failed_while_much_waits_is_tried_again_on_time(ground: Ground, claims: RedisClaims) -> None:
    """What was written after the scan is known as well: its place is behind many that are due much later."""
    provider, ada = ProviderInMemory(), delivery(ground.who("ada"), 1)
    waiting = [delivery(ground.who(f"later-{number}")) for number in range(1_200)]
    park(ground, waiting, [now_ms() + HOUR] * len(waiting))
    provider.script([transient("421")] * 2)
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(ada)
        await until(lambda: ground.ended(ada), seconds=10)
    assert ground.statuses(ada) == ["retrying", "retrying", "sent"]
