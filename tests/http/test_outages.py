"""What the API answers while a server behind it is away."""

import asyncio
import time

from starlette.types import Receive, Scope, Send

from connectors.http.body_limit import BodyLimit
from tests.http.api import World, serving

PATH = "/v1/notifications"
ASKED = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}


async def test_kafka_away_is_503_with_retry_after_and_the_id_to_send_again_with(world: World) -> None:
    world.publisher.away = True
    reply = await world.post(PATH, ASKED)
    assert (reply.status, reply.headers["retry-after"], reply.body["service"]) == (503, "1", "Kafka")
    tried = reply.body["notification_id"]
    assert world.accepted.remembered == {}
    world.publisher.away = False
    again = await world.post(PATH, {**ASKED, "notification_id": tried})
    assert (again.status, again.body["notification_id"]) == (202, tried)
    assert "idempotent-replay" not in again.headers


async def test_postgresql_away_is_503_for_whatever_reads_or_changes(world: World) -> None:
    await world.get("/v1/catalogue")  # so that the key is known
    world.database_away()
    calls = [
        await world.get(f"{PATH}/0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90"),
        await world.get("/v1/recipients/ada"),
        await world.put("/v1/recipients/ada", {}),
        await world.put("/v1/recipients/ada/preferences", {}),
        await world.call("DELETE", "/v1/recipients/ada"),
        await world.get("/v1/dead-letters"),
        await world.get("/v1/dead-letters/1-1"),
        await world.post("/v1/dead-letters/1-1/redrive"),
    ]
    assert {(each.status, each.headers["retry-after"], each.body["service"]) for each in calls} == {
        (503, "1", "PostgreSQL")
    }
    assert (await world.get("/v1/catalogue")).status == 200
    assert (await world.post(PATH, ASKED)).status == 202


async def test_a_change_is_acknowledged_though_redis_is_away(world: World) -> None:
    world.cache.away = True
    assert (await world.put("/v1/recipients/ada", {"addresses": {"email": "ada@example.com"}})).status == 200
    assert [each.recipient_id for each in world.store.told] == ["ada"]


async def test_what_was_accepted_is_told_without_redis_only_when_it_is_recorded(world: World) -> None:
    identity = (await world.post(PATH, ASKED)).body["notification_id"]
    assert (await world.get(f"{PATH}/{identity}")).status == 200
    world.accepted.away = True
    assert (await world.get(f"{PATH}/{identity}")).status == 404


async def test_a_body_that_never_arrives_is_not_waited_for_for_ever() -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the handler was called")

    async with serving(BodyLimit(never, seconds=0.1), lifespan="off") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        began = time.monotonic()
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert b" 408 " in answer
    assert time.monotonic() - began < 3
