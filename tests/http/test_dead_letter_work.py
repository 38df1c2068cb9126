"""/v1/dead-letters/redrive and /drop: many at once, first as a dry run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.dead_letters.ports import Publisher
from connectors.unavailable import Unavailable
from schemas import headers
from schemas.headers import Headers
from tests.http.api import CODEC, NOW, World
from tests.http.dead import BEGIN, DELIVERY, dead_letter

PATH = "/v1/dead-letters"
FAST = {"rate": 2000, "dry_run": False}
EXPIRED = datetime.fromtimestamp(NOW / 1000, UTC)


def add(world: World, count: int, **changes: Any) -> None:
    for number in range(count):
        world.dead_letters.add(dead_letter(number, **{"delivery_id": f"d{number}", **changes}))


def topics_of(world: World) -> set[str]:
    return {record.topic for record in world.publisher.records}


async def test_a_dry_run_tells_how_many_of_what_and_changes_nothing(world: World) -> None:
    add(world, 3)
    world.dead_letters.add(dead_letter(7, kind="exhausted", reason="503", expires_at=EXPIRED))
    world.dead_letters.add(dead_letter(8, redriven_at=BEGIN))
    told = (await world.post(f"{PATH}/redrive", {})).body
    assert (told["dry_run"], told["to_redrive"], told["expired"], told["redriven"], told["left"]) == (True, 3, 1, 0, 3)
    assert told["stats"]["kind"] == [{"value": "permanent", "count": 3}, {"value": "exhausted", "count": 1}]
    assert world.publisher.records == []
    assert (await world.get(f"{PATH}/stats?state=waiting")).body["total"] == 4


async def test_what_waits_goes_back_oldest_first_at_low_priority_with_its_id_and_each_once(world: World) -> None:
    add(world, 5)
    told = (await world.post(f"{PATH}/redrive", FAST)).body
    assert (told["dry_run"], told["redriven"], told["left"]) == (False, 5, 0)
    deliveries = [each for each in world.publisher.records if each.topic == "deliveries.email.low"]
    assert len(deliveries) == 5
    assert {each.value for each in deliveries} == {dead_letter().value}
    assert {dict(each.headers)[headers.REDRIVES] for each in deliveries} == {b"2"}
    statuses = [
        CODEC.decode("DeliveryStatus", each.value) for each in world.publisher.records if each not in deliveries
    ]
    assert {(each["status"], each["delivery_id"]) for each in statuses} == {("queued", DELIVERY["delivery_id"])}
    assert (await world.post(f"{PATH}/redrive", FAST)).body["redriven"] == 0
    assert len(world.publisher.records) == 10


async def test_they_go_back_at_their_own_priority_when_that_is_asked_for(world: World) -> None:
    add(world, 1)
    await world.post(f"{PATH}/redrive", {**FAST, "own_priority": True})
    assert topics_of(world) == {"deliveries.email.high", "delivery-status"}


async def test_only_what_the_filters_mean_goes_back_and_at_most_so_many(world: World) -> None:
    add(world, 9)
    world.dead_letters.add(dead_letter(20, channel="webhook", delivery_id="w"))
    told = (await world.post(f"{PATH}/redrive", {**FAST, "channel": "email", "maximum": 4})).body
    assert (told["to_redrive"], told["redriven"], told["left"]) == (4, 4, 0)
    items = (await world.get(f"{PATH}?state=redriven")).body["items"]
    assert [each["dead_letter_id"] for each in items] == ["0-3", "0-2", "0-1", "0-0"]


async def test_what_has_expired_is_skipped_and_counted_also_where_only_the_record_tells(world: World) -> None:
    add(world, 2)
    record = {**DELIVERY, "notification": {**DELIVERY["notification"], "expires_at": NOW}}
    world.dead_letters.add(dead_letter(10, delivery_id="old", value=CODEC.encode("Delivery", record)))
    world.dead_letters.add(dead_letter(11, delivery_id="new", expires_at=EXPIRED))
    told = (await world.post(f"{PATH}/redrive", FAST)).body
    assert (told["redriven"], told["expired"], told["left"]) == (2, 2, 0)
    refused = await world.post(f"{PATH}/0-10/redrive")
    assert (refused.status, refused.body["type"]) == (409, "/docs#problem-cannot-go-back")


async def test_what_came_from_no_topic_of_ours_is_skipped_and_counted(world: World) -> None:
    world.dead_letters.add(dead_letter(1, value=b"odd", delivery_id=None, origin_topic="somebody-elses"))
    world.dead_letters.add(dead_letter(2, value=b"odd", delivery_id=None, origin_topic="notifications.low"))
    told = (await world.post(f"{PATH}/redrive", FAST)).body
    assert (told["redriven"], told["unplaced"], told["left"]) == (1, 1, 0)
    assert topics_of(world) == {"notifications.low"}
    assert (await world.post(f"{PATH}/0-1/redrive")).status == 409


async def test_with_the_until_that_was_told_what_dies_again_is_left_alone(world: World) -> None:
    add(world, 1)
    until = (await world.post(f"{PATH}/redrive", {})).body["until"]
    world.dead_letters.add(dead_letter(5, delivery_id="again", dead_at=EXPIRED + timedelta(seconds=5)))
    told = (await world.post(f"{PATH}/redrive", {**FAST, "until": until})).body
    assert (told["redriven"], told["until"]) == (1, until)
    assert (await world.get(f"{PATH}/stats?state=waiting")).body["total"] == 1


class BreaksOff:
    """Kafka that confirms `left` records and is away from then on."""

    def __init__(self, real: Publisher, left: int) -> None:
        self._real, self._left = real, left

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("Kafka", "gone")
        await self._real.publish(topic, key, value, headers)


async def test_when_kafka_goes_away_it_tells_what_was_done_and_the_same_request_does_the_rest() -> None:
    world = World()
    add(world, 9)
    async with world.running(publisher=BreaksOff(world.publisher, 6)):
        reply = await world.post(f"{PATH}/redrive", {"rate": 20, "dry_run": False})
        assert (reply.status, reply.body["service"], reply.headers["retry-after"]) == (503, "Kafka", "1")
        assert (reply.body["redriven"], reply.body["left"]) == (3, 6)
    async with world.running():
        assert (await world.post(f"{PATH}/redrive", FAST)).body["redriven"] == 6
    sent = [each for each in world.publisher.records if each.topic == "deliveries.email.low"]
    assert len(sent) == 9


async def test_the_example_bodies_of_the_reference_are_accepted(world: World) -> None:
    add(world, 1)
    models = (await world.get("/openapi.json")).body["components"]["schemas"]
    for path, model in (("redrive", "RedriveBody"), ("drop", "DropBody"), ("0-0/drop", "DropOneBody")):
        assert (await world.post(f"{PATH}/{path}", models[model]["examples"][0])).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": 2001}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"maximum": 0}, "maximum"),
        ({"dry_run": "no"}, "dry_run"),
        ({"kind": "odd"}, "kind"),
        ({"since": "yesterday"}, "since"),
        ({"state": "redriven"}, "state"),
        ({"chanel": "email"}, "chanel"),
    ],
)
async def test_a_body_that_is_not_understood_redrives_nothing(world: World, body: dict[str, Any], field: str) -> None:
    add(world, 1)
    reply = await world.post(f"{PATH}/redrive", {**FAST, **body})
    assert (reply.status, reply.fields) == (422, {field})
    assert world.publisher.records == []


async def test_a_drop_is_first_a_dry_run_and_then_leaves_a_mark(world: World) -> None:
    add(world, 3)
    world.dead_letters.add(dead_letter(9, kind="poison", value=b"odd"))
    body = {"kind": "poison", "drop_reason": "a test of March"}
    told = (await world.post(f"{PATH}/drop", body)).body
    assert (told["dry_run"], told["to_drop"], told["dropped"]) == (True, 1, 0)
    assert (await world.get(f"{PATH}/0-9")).body["state"] == "waiting"

    told = (await world.post(f"{PATH}/drop", {**body, "dry_run": False})).body
    assert (told["dry_run"], told["to_drop"], told["dropped"]) == (False, 1, 1)
    mark = (await world.get(f"{PATH}/0-9")).body
    assert (mark["state"], mark["drop_reason"], mark["kind"]) == ("dropped", "a test of March", "poison")
    assert (mark["key"], mark["value_base64"], mark["headers"]) == (None, None, [])
    assert mark["dropped_at"] is not None
    assert (await world.get(f"{PATH}/stats?state=waiting")).body["total"] == 3


async def test_a_drop_needs_a_reason(world: World) -> None:
    add(world, 1)
    for path in (f"{PATH}/drop", f"{PATH}/0-0/drop"):
        for body in ({}, {"drop_reason": ""}, {"drop_reason": "a\nb"}):
            reply = await world.post(path, body)
            assert (reply.status, reply.fields) == (422, {"drop_reason"})


async def test_many_are_dropped_up_to_a_maximum(world: World) -> None:
    add(world, 2500)
    body = {"drop_reason": "too many", "maximum": 2200, "dry_run": False}
    assert (await world.post(f"{PATH}/drop", body)).body["dropped"] == 2200
    assert (await world.get(f"{PATH}/stats?state=waiting")).body["total"] == 300


async def test_one_is_dropped_and_can_be_neither_redriven_nor_dropped_again(world: World) -> None:
    add(world, 1)
    assert (await world.post(f"{PATH}/0-0/drop", {"drop_reason": "by hand"})).body["status"] == "dropped"
    for path in (f"{PATH}/0-0/redrive", f"{PATH}/0-0/redrive?again=true"):
        refused = await world.post(path)
        assert (refused.status, refused.body["type"]) == (409, "/docs#problem-already-dropped")
        assert "by hand" in refused.body["detail"]
    assert (await world.post(f"{PATH}/0-0/drop", {"drop_reason": "once more"})).status == 409
    assert (await world.post(f"{PATH}/0-7/drop", {"drop_reason": "by hand"})).status == 404
    assert world.publisher.records == []
