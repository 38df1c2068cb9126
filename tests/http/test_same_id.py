"""The same notification_id more than once."""

import asyncio
from typing import Any
from uuid import uuid4

from connectors.unavailable import Unavailable
from schemas.headers import Headers
from tests.http.api import NOW, World

PATH = "/v1/notifications"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "notification_id": str(uuid4()),
        "recipient_id": "ada",
        "type": "order.shipped",
        "to": {"email": "ada@example.com"},
        "data": {"a": 1, "b": 2},
        **changes,
    }


class Gate:
    """A publisher that lets a record through when it is told to."""

    def __init__(self, world: World) -> None:
        self.open = asyncio.Event()
        self.waiting = asyncio.Event()
        self.fails = False
        self._world = world

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.waiting.set()
        await self.open.wait()
        if self.fails:
            raise Unavailable("Kafka", "gate")
        await self._world.publisher.publish(topic, key, value, headers)


async def test_the_same_body_is_answered_alike_and_nothing_is_published_again(world: World) -> None:
    asked = body()
    first, second = await world.post(PATH, asked), await world.post(PATH, asked)
    assert first.status == second.status == 202
    assert first.body == second.body
    assert first.headers["location"] == second.headers["location"]
    assert ("idempotent-replay" in first.headers, second.headers.get("idempotent-replay")) == (False, "true")
    assert len(world.publisher.records) == 1


async def test_order_and_spelling_of_the_body_do_not_matter(world: World) -> None:
    asked = body(expires_at="2030-01-01T00:00:00Z")
    again = dict(reversed(asked.items())) | {
        "notification_id": asked["notification_id"].upper(),
        "data": {"b": 2, "a": 1},
        "expires_at": "2030-01-01T01:00:00+01:00",
        "locale": None,
    }
    await world.post(PATH, asked)
    assert (await world.post(PATH, again)).headers.get("idempotent-replay") == "true"


async def test_a_request_that_has_expired_since_it_was_accepted_is_still_answered_alike() -> None:
    world, asked, clock = World(), body(expires_at="2030-01-01T00:00:00Z"), [NOW]
    async with world.running(now=lambda: clock[0]):
        first = await world.post(PATH, asked)
        clock[0] = 1_900_000_000_000
        again = await world.post(PATH, asked)
        assert (again.status, again.body, again.headers["idempotent-replay"]) == (202, first.body, "true")
        assert (await world.post(PATH, {**asked, "locale": "de"})).status == 422
        assert (await world.post(PATH, body(expires_at="2030-01-01T00:00:00Z"))).status == 422
    assert len(world.publisher.records) == 1


async def test_another_body_is_a_conflict(world: World) -> None:
    asked = body()
    await world.post(PATH, asked)
    reply = await world.post(PATH, {**asked, "data": {"a": 2}})
    assert (reply.status, reply.body["type"]) == (409, "/docs#problem-another-body")
    assert reply.body["notification_id"] == asked["notification_id"]
    assert len(world.publisher.records) == 1


async def test_an_id_that_was_made_for_a_request_is_recognised_when_the_request_is_repeated_with_it(
    world: World,
) -> None:
    asked = body()
    del asked["notification_id"]
    made = (await world.post(PATH, asked)).body["notification_id"]
    assert (await world.post(PATH, {**asked, "notification_id": made})).headers.get("idempotent-replay") == "true"


async def test_of_many_at_once_one_is_published_and_all_are_told_the_same() -> None:
    world, asked = World(), body()
    async with world.running(publisher=(gate := Gate(world))):
        calls = [asyncio.create_task(world.post(PATH, asked)) for _ in range(8)]
        await gate.waiting.wait()
        gate.open.set()
        replies = await asyncio.gather(*calls)
    assert [reply.status for reply in replies] == [202] * 8
    assert sum(reply.headers.get("idempotent-replay") != "true" for reply in replies) == 1
    assert len(world.publisher.records) == len(world.accepted.remembered) == 1


async def test_of_two_at_once_with_different_bodies_one_wins() -> None:
    world, asked = World(), body()
    async with world.running(publisher=(gate := Gate(world))):
        first = asyncio.create_task(world.post(PATH, asked))
        await gate.waiting.wait()
        second = asyncio.create_task(world.post(PATH, {**asked, "locale": "de"}))
        gate.open.set()
        assert ((await first).status, (await second).status) == (202, 409)
    assert len(world.publisher.records) == 1


async def test_when_the_first_fails_the_one_that_waited_for_it_is_published() -> None:
    world, asked = World(), body()
    async with world.running(publisher=(gate := Gate(world))):
        first = asyncio.create_task(world.post(PATH, asked))
        await gate.waiting.wait()
        second = asyncio.create_task(world.post(PATH, asked))
        gate.fails = True
        gate.open.set()
        assert (await first).status == 503
        gate.fails = False
        assert (await second).status == 202
    assert len(world.publisher.records) == 1


async def test_one_that_waits_too_long_for_another_is_told_to_come_again() -> None:
    world, asked = World(), body()
    async with world.running(publisher=(gate := Gate(world))):
        first = asyncio.create_task(world.post(PATH, asked))
        await gate.waiting.wait()
        second = await world.post(PATH, asked)
        assert (second.status, second.headers["retry-after"]) == (409, "1")
        assert second.body["type"] == "/docs#problem-in-progress"
        gate.open.set()
        assert (await first).status == 202


async def test_a_refused_request_does_not_hold_its_id(world: World) -> None:
    asked = body(to={})
    assert (await world.post(PATH, asked)).status == 422
    assert world.accepted.held == {}
    assert (await world.post(PATH, {**asked, "to": {"email": "ada@example.com"}})).status == 202


async def test_without_redis_both_are_published_and_the_sender_recognises_the_second(world: World) -> None:
    world.accepted.away = True
    asked = body()
    assert [(await world.post(PATH, asked)).status for _ in range(2)] == [202, 202]
    assert len(world.publisher.records) == 2


async def test_redis_gone_after_the_record_is_durable_is_still_202() -> None:
    world = World()
    async with world.running(publisher=(gate := Gate(world))):
        call = asyncio.create_task(world.post(PATH, body()))
        await gate.waiting.wait()
        world.accepted.away = True
        gate.open.set()
        assert (await call).status == 202
