"""A flood of unordered deliveries to one recipient, on real topics: its seats hold, and nothing is lost."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from msgspec import structs

from connectors.channels.webhook import WebhookPolicy, WebhookProvider
from connectors.delivery.sender import Sender
from connectors.memory.provider import ProviderInMemory
from connectors.redis.claims import RedisClaims
from ops.devstack import Endpoints
from streams.domain.delivery import Delivery, Message
from streams.domain.notification import Channel
from streams.domain.outcomes import Outcome
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import EveryRecipient, compose, delivery, recipient
from tests.delivery.ground import Ground, until

PATIENT = RetrySchedule.parse("30s,1m")


@dataclass
class Endpoint:
    """A receiver of webhooks. It answers when it is `open`, a moment later; knows how many calls there were at once."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most: int = 0
    came: Counter[str] = field(default_factory=Counter)

    async def take(self, request: web.Request) -> web.Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.came[request.headers["webhook-id"]] += 1
        try:
            await self.open.wait()
            await asyncio.sleep(0.01)
        finally:
            self.under_way -= 1
        return web.Response()


@asynccontextmanager
async def endpoints(**sites: Endpoint) -> AsyncIterator[Callable[[str], str]]:
    """Each under its name; the URL of a name."""
    app = web.Application()
    for name, site in sites.items():
        app.router.add_post(f"/{name}", site.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield lambda name: f"http://127.0.0.1:{runner.addresses[0][1]}/{name}"
    finally:
        await runner.cleanup()


def with_body(value: Delivery, address: str, attempt: int) -> Message:
    made = compose(value, address, attempt)
    return structs.replace(made, parts={"body": json.dumps({"data": made.parts})})


async def test_a_slow_endpoint_has_never_more_calls_than_its_seats_and_all_others_go_on(
    servers: Endpoints, claims: RedisClaims
) -> None:
    ground = Ground(servers.kafka_bootstrap_servers, channel=Channel.WEBHOOK)
    slow, quick = Endpoint(), Endpoint()
    quick.open.set()
    crowded, known = ground.who("crowded"), EveryRecipient()
    flood = [delivery(crowded, n, Channel.WEBHOOK) for n in range(1, 1_501)]
    same_partition = [ground.who(f"same{n}") for n in range(200)]
    same_partition = [who for who in same_partition if ground.partition(who) == ground.partition(crowded)]
    elsewhere = [ground.who(f"r{n}") for n in range(20)]
    unordered = [delivery(who, n, Channel.WEBHOOK) for n in (1, 2) for who in same_partition + elsewhere]
    ordered = [delivery(who, n, Channel.WEBHOOK) for n in (3, 4) for who in same_partition + elsewhere]
    provider = WebhookProvider(WebhookPolicy((b"s" * 24,), allow_private=True))
    using = replace(ground.policy, recipient_at_once=5, slots=40, breaker=None)
    async with endpoints(slow=slow, quick=quick) as url:
        known.told = {who: recipient(who, addresses={"webhook": url("quick")}) for who in same_partition + elsewhere}
        known.told[crowded] = recipient(crowded, addresses={"webhook": url("slow")})
        parts = replace(ground.parts(provider, claims, known), compose=with_body)
        async with ground.sender(parts, using) as sender:
            ground.put_alone(*flood, *unordered)
            ground.put(*ordered)
            await until(lambda: len(quick.came) == len(unordered) + len(ordered))
            await until(lambda: ground.ended(*unordered, *ordered))
            assert not slow.open.is_set()
            assert (slow.under_way, sum(slow.came.values())) == (5, 5)
            assert sender._dispatch.in_flight == 5
            slow.open.set()
            await until(lambda: len(slow.came) == len(flood), 60)
            await until(lambda: ground.ended(*flood))
            await ground.committed()
    ground.close()
    assert slow.most == 5
    assert slow.came == Counter({value.delivery_id: 1 for value in flood})
    assert quick.came == Counter({value.delivery_id: 1 for value in [*unordered, *ordered]})
    told = ground.told()
    assert {(each.status, each.attempt) for value in flood for each in told[value.delivery_id]} == {("delivered", 1)}


class Crowd(ProviderInMemory):
    """Knows how many calls for each address were under way at a time."""

    def __init__(self, takes_seconds: float) -> None:
        super().__init__(takes_seconds=takes_seconds)
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def send(self, message: Message) -> Outcome:
        self.under_way[message.address] += 1
        self.most[message.address] = max(self.most[message.address], self.under_way[message.address])
        try:
            return await super().send(message)
        finally:
            self.under_way[message.address] -= 1


@pytest.fixture
def patient(servers: Endpoints) -> Any:
    """Ground on which what is kept stays kept for long."""
    made = Ground(servers.kafka_bootstrap_servers, PATIENT)
    yield made
    made.close()


def kept(sender: Sender) -> int:
    return sender._ownership.assignment.seats.kept


async def test_a_stop_leaves_what_was_kept_to_the_next_sender_which_calls_each_once(
    patient: Ground, claims: RedisClaims
) -> None:
    provider, ada = Crowd(takes_seconds=0.2), patient.who("ada")
    mails = [delivery(ada, n) for n in range(1, 41)]
    using = replace(patient.policy, recipient_at_once=4)
    parts = patient.parts(provider, claims)
    async with patient.sender(parts, using) as sender:
        patient.put_alone(*mails)
        await until(lambda: kept(sender) == 36)
    called = len(provider.calls)
    assert 4 <= called < 40
    async with patient.sender(parts, using):
        await until(lambda: patient.ended(*mails))
        await patient.committed()
    assert Counter(message.delivery_id for message in provider.calls) == {mail.delivery_id: 1 for mail in mails}
    assert provider.most == {f"{ada}@example.org": 4}


async def test_senders_that_come_and_go_with_many_kept_lose_nothing_and_repeat_nothing(
    patient: Ground, claims: RedisClaims
) -> None:
    provider, names = Crowd(takes_seconds=0.5), [patient.who(f"r{n}") for n in range(8)]
    mails = [delivery(name, number) for number in range(1, 41) for name in names]
    parts = patient.parts(provider, claims)
    coming = replace(patient.policy, session_timeout=timedelta(seconds=10), recipient_at_once=3)
    async with patient.sender(parts, replace(coming, instance=f"{patient.name}-a")) as first:
        patient.put_alone(*mails)
        await until(lambda: kept(first) > 250)
        async with patient.sender(parts, replace(coming, instance=f"{patient.name}-b")) as second:
            await until(lambda: kept(second) > 20)
            calls_so_far = len(provider.calls)
            await until(lambda: len(provider.calls) > calls_so_far + 50)
    assert len(provider.sent) < len(mails)
    async with patient.sender(parts, replace(coming, instance=f"{patient.name}-a")):
        await until(lambda: len(provider.sent) == len(mails), 60)
        await until(lambda: patient.ended(*mails))
        await patient.committed()
    assert Counter(message.delivery_id for message in provider.calls) == {mail.delivery_id: 1 for mail in mails}
    assert set(provider.most.values()) == {3}
