"""POST /v1/notifications when all is well."""

import json

from schemas.headers import ID, TRACE_PARENT, TYPE
from tests.http.api import CODEC, NOW, World

PATH = "/v1/notifications"
ASKED = {"recipient_id": "ada", "type": "order.shipped", "data": {"order": "4711"}, "to": {"email": "ada@example.com"}}


async def test_202_after_the_record_is_durable_with_an_id_and_where_to_ask(world: World) -> None:
    reply = await world.post(PATH, ASKED)
    identity = reply.body["notification_id"]
    assert (reply.status, reply.body["status"]) == (202, "accepted")
    assert reply.body["url"] == reply.headers["location"] == f"{PATH}/{identity}"

    (record,) = world.publisher.records
    assert (record.topic, record.key) == ("notifications.normal", b"ada")
    told = CODEC.decode("Notification", record.value)
    assert json.loads(told["data"]) == {"order": "4711"}
    assert (told["notification_id"], told["created_at"], told["to"]) == (identity, NOW, {"email": "ada@example.com"})
    headers = dict(record.headers)
    assert (headers[ID], headers[TYPE]) == (identity.encode(), b"tidings.notification")


async def test_the_priority_is_that_of_the_type_unless_it_is_named(world: World) -> None:
    reset = {**ASKED, "type": "password.reset"}
    await world.post(PATH, reset)
    await world.post(PATH, {**reset, "priority": "low"})
    assert [record.topic for record in world.publisher.records] == ["notifications.high", "notifications.low"]


async def test_everything_that_was_asked_for_is_in_the_record(world: World) -> None:
    reply = await world.post(
        PATH,
        {
            **ASKED,
            "notification_id": "0198C5A0-6F3E-7C21-9D4E-2F1A5B3C7D90",
            "channels": ["email", "email"],
            "locale": "de-AT",
            "expires_at": "2030-01-31T18:00:00+01:00",
            "tenant": "acme",
            "metadata": {"order_id": "4711"},
        },
    )
    assert reply.body["notification_id"] == "0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90"
    told = CODEC.decode("Notification", world.publisher.records[0].value)
    assert told["channels"] == ["email"]
    assert (told["locale"], told["tenant"], told["metadata"]) == ("de-AT", "acme", {"order_id": "4711"})
    assert told["expires_at"] == 1_896_109_200_000


async def test_a_traceparent_is_carried_on_and_nonsense_in_its_place_is_not(world: World) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await world.post(PATH, ASKED, headers={"traceparent": trace})
    await world.post(PATH, ASKED, headers={"traceparent": "nonsense"})
    first, second = (dict(record.headers) for record in world.publisher.records)
    assert first[TRACE_PARENT] == trace.encode()
    assert TRACE_PARENT not in second


async def test_the_recipients_own_address_is_enough(world: World) -> None:
    await world.put("/v1/recipients/ada", {"addresses": {"webhook": "https://example.com/hook"}})
    without = {name: value for name, value in ASKED.items() if name != "to"}
    assert (await world.post(PATH, without)).status == 202


async def test_the_recipient_is_not_looked_up_when_an_address_is_given(world: World) -> None:
    world.store.away = world.cache.away = True
    assert (await world.post(PATH, ASKED)).status == 202


async def test_the_address_in_the_cache_is_enough_when_postgresql_is_away(world: World) -> None:
    await world.put("/v1/recipients/ada", {"addresses": {"email": "ada@example.com"}})
    world.database_away()
    assert (await world.post(PATH, {"recipient_id": "ada", "type": "order.shipped"})).status == 202


async def test_an_unknown_recipient_is_accepted_when_nobody_can_be_asked(world: World) -> None:
    await world.post(PATH, ASKED)  # so that the key is known
    world.database_away()
    assert (await world.post(PATH, {"recipient_id": "new", "type": "order.shipped"})).status == 202
