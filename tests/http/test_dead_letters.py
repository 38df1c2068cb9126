"""/v1/dead-letters: looking at them, and putting them back to work."""

import asyncio
import base64

import pytest

from schemas import headers
from streams.domain.delivery_status import Status, progress
from tests.http.api import CODEC, NOW, World
from tests.http.dead import BEGIN, DELIVERY, TOLD, dead_letter

PATH = "/v1/dead-letters"


async def ids(world: World, query: str) -> list[str]:
    return [each["dead_letter_id"] for each in (await world.get(f"{PATH}?{query}")).body["items"]]


async def test_they_are_listed_newest_first_and_page_by_page_without_gap_or_repetition(world: World) -> None:
    for number in range(7):
        world.dead_letters.add(dead_letter(number))
    world.dead_letters.add(dead_letter(99, dead_at=dead_letter(3).dead_at))
    seen, query, pages = [], "limit=3", 0
    while True:
        page = (await world.get(f"{PATH}?{query}")).body
        seen += [each["dead_letter_id"] for each in page["items"]]
        pages += 1
        if page["next"] is None:
            break
        query = f"limit=3&before={page['next']}"
    assert seen == ["0-6", "0-5", "0-4", "0-99", "0-3", "0-2", "0-1", "0-0"]
    assert pages == 3


async def test_a_last_page_that_is_full_says_that_it_is_the_last(world: World) -> None:
    world.dead_letters.add(dead_letter(1))
    assert (await world.get(f"{PATH}?limit=1")).body["next"] is None


async def test_they_are_filtered_by_channel_kind_and_redriven(world: World) -> None:
    world.dead_letters.add(dead_letter(1))
    world.dead_letters.add(dead_letter(2, channel="webhook", kind="exhausted"))
    world.dead_letters.add(dead_letter(3, channel=None, kind="poison", redriven_at=BEGIN))
    assert await ids(world, "channel=webhook") == ["0-2"]
    assert await ids(world, "kind=poison") == ["0-3"]
    assert await ids(world, "redriven=true") == ["0-3"]
    assert await ids(world, "redriven=false") == ["0-2", "0-1"]
    assert await ids(world, "kind=permanent&channel=email") == ["0-1"]


async def test_one_is_shown_with_its_record_decoded(world: World) -> None:
    world.dead_letters.add(dead_letter())
    told = (await world.get(f"{PATH}/0-1")).body
    assert (told["record"], told["key"], told["value_base64"]) == ("Delivery", "ada", None)
    assert told["value"]["notification"]["recipient_id"] == "ada"
    assert told["dead_at"] == "2026-01-01T00:00:00.000001Z"
    assert ["traceparent", "00-trace"] in told["headers"]
    assert told["reason"] == "550 no such user"


@pytest.mark.parametrize(
    ("value", "shown"), [(b"\x00\xff", base64.b64encode(b"\x00\xff").decode()), (b"", ""), (None, None)]
)
async def test_a_record_that_cannot_be_read_is_shown_raw(world: World, value: bytes | None, shown: str | None) -> None:
    world.dead_letters.add(dead_letter(kind="poison", value=value, key=None))
    told = (await world.get(f"{PATH}/0-1")).body
    assert (told["record"], told["value"], told["value_base64"], told["key"]) == (None, None, shown, None)


async def test_a_redriven_delivery_goes_back_to_its_main_topic_and_its_status_says_so(world: World) -> None:
    world.dead_letters.add(dead_letter())
    reply = await world.post(f"{PATH}/0-1/redrive")
    assert reply.status == 202
    assert reply.body["delivery_id"] == DELIVERY["delivery_id"]

    delivery, status = world.publisher.records
    assert (delivery.topic, delivery.key, delivery.value) == ("deliveries.email.high", b"ada", dead_letter().value)
    assert dict(delivery.headers) == {headers.ID: b"e1", headers.TRACE_PARENT: b"00-trace", headers.REDRIVES: b"2"}
    told = CODEC.decode("DeliveryStatus", status.value)
    assert (status.topic, status.key) == ("delivery-status", b"ada")
    assert (told["status"], told["redrives"], told["reason"], told["occurred_at"]) == ("queued", 2, "redriven", NOW)
    assert told["progress"] == progress(Status.QUEUED, redrives=2) > progress(Status.DEAD_LETTERED, 4, 1)
    assert (await world.get(f"{PATH}/0-1")).body["redriven_at"] is not None


async def test_a_redriven_notification_goes_back_to_the_topic_it_came_from(world: World) -> None:
    value = CODEC.encode("Notification", DELIVERY["notification"])
    world.dead_letters.add(
        dead_letter(value=value, delivery_id=None, channel=None, origin_topic="notifications.high", redrives=0)
    )
    assert (await world.post(f"{PATH}/0-1/redrive")).body["notification_id"] == TOLD.notification_id
    (record,) = world.publisher.records
    assert (record.topic, record.value) == ("notifications.high", value)
    assert dict(record.headers)[headers.REDRIVES] == b"1"


async def test_a_second_redrive_has_to_be_asked_for_expressly_and_has_a_number_of_its_own(world: World) -> None:
    world.dead_letters.add(dead_letter())
    await world.post(f"{PATH}/0-1/redrive")
    refused = await world.post(f"{PATH}/0-1/redrive")
    assert (refused.status, refused.body["type"]) == (409, "/docs#problem-already-redriven")
    assert len(world.publisher.records) == 2
    assert (await world.post(f"{PATH}/0-1/redrive?again=true")).status == 202
    assert dict(world.publisher.records[2].headers)[headers.REDRIVES] == b"3"


async def test_of_two_redrives_at_once_one_is_refused(world: World) -> None:
    world.dead_letters.add(dead_letter())
    replies = await asyncio.gather(*(world.post(f"{PATH}/0-1/redrive") for _ in range(2)))
    assert sorted(reply.status for reply in replies) == [202, 409]
    assert len(world.publisher.records) == 2


async def test_while_kafka_is_away_a_redrive_is_refused_and_can_be_asked_for_again(world: World) -> None:
    world.dead_letters.add(dead_letter())
    world.publisher.away = True
    assert (await world.post(f"{PATH}/0-1/redrive")).status == 503
    world.publisher.away = False
    assert (await world.post(f"{PATH}/0-1/redrive")).status == 202
