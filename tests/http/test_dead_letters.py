"""/v1/dead-letters: looking at them, and putting them back to work."""

import asyncio
import base64
import json

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


async def test_every_filter_narrows_the_list(world: World) -> None:
    world.dead_letters.add(dead_letter(1, tenant="acme"))
    world.dead_letters.add(dead_letter(2, channel="webhook", kind="exhausted", provider="webhook", recipient_id="b b"))
    world.dead_letters.add(dead_letter(3, channel=None, kind="poison", type=None, redriven_at=BEGIN, reason="odd"))
    world.dead_letters.add(dead_letter(4, dropped_at=BEGIN, drop_reason="by hand"))
    assert await ids(world, "channel=webhook") == ["0-2"]
    assert await ids(world, "kind=poison") == ["0-3"]
    assert await ids(world, "type=order.shipped") == ["0-4", "0-2", "0-1"]
    assert await ids(world, "provider=webhook") == ["0-2"]
    assert await ids(world, "recipient_id=b%20b") == ["0-2"]
    assert await ids(world, "tenant=acme") == ["0-1"]
    assert await ids(world, "reason=ODD") == ["0-3"]
    assert await ids(world, "state=waiting") == ["0-2", "0-1"]
    assert await ids(world, "state=redriven") == ["0-3"]
    assert await ids(world, "state=dropped") == ["0-4"]
    assert await ids(world, "since=2026-01-01T00:00:00.000003Z") == ["0-4", "0-3"]
    assert await ids(world, "until=2026-01-01T01:00:00.000002%2B01:00") == ["0-1"]
    assert await ids(world, "kind=permanent&channel=email&state=waiting") == ["0-1"]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stats", f"{PATH}/export"])
@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("kind=odd", "kind", "'poison', 'permanent', 'exhausted', 'ambiguous' or 'unknown'"),
        ("channel=fax", "channel", "'email'"),
        ("state=lost", "state", "'waiting', 'redriven' or 'dropped'"),
        ("since=yesterday", "since", "RFC 3339"),
        ("until=2026-02-30T00:00:00Z", "until", "does not exist"),
        ("recipient_id=", "recipient_id", "at least 1"),
        ("reason=%00", "reason", "control"),
        ("chanel=email", "chanel", "there is no parameter 'chanel'; there are"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    world: World, path: str, query: str, field: str, said: str
) -> None:
    reply = await world.get(f"{path}?{query}")
    assert (reply.status, reply.body["type"]) == (422, "/docs#problem-invalid")
    assert reply.fields == {field}
    assert said in reply.body["detail"]


async def test_they_are_told_in_numbers(world: World) -> None:
    for number in range(3):
        world.dead_letters.add(dead_letter(number))
    world.dead_letters.add(dead_letter(3, kind="poison", type=None, reason="odd", expires_at=BEGIN))
    told = (await world.get(f"{PATH}/stats")).body
    assert (told["total"], told["expired"], told["oldest"]) == (4, 1, "2026-01-01T00:00:00Z")
    assert told["kind"] == [{"value": "permanent", "count": 3}, {"value": "poison", "count": 1}]
    assert told["type"] == [{"value": "order.shipped", "count": 3}, {"value": None, "count": 1}]
    assert (await world.get(f"{PATH}/stats?kind=poison")).body["total"] == 1
    assert (await world.get(f"{PATH}/stats?kind=exhausted")).body["oldest"] is None


async def test_they_are_exported_a_line_each_with_their_raw_bytes(world: World) -> None:
    for number in range(250):
        world.dead_letters.add(dead_letter(number))
    world.dead_letters.add(dead_letter(999, kind="poison", value=b"\x00\xff"))
    reply = await world.get(f"{PATH}/export")
    assert reply.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert [line["dead_letter_id"] for line in lines] == ["0-999", *(f"0-{number}" for number in reversed(range(250)))]
    assert (lines[0]["value"], base64.b64decode(lines[0]["value_base64"])) == (None, b"\x00\xff")
    assert lines[1]["value"]["notification"]["recipient_id"] == "ada"
    assert base64.b64decode(lines[1]["value_base64"]) == dead_letter().value
    assert (await world.get(f"{PATH}/export?kind=exhausted")).text == ""


async def test_an_export_without_a_database_is_503(world: World) -> None:
    world.dead_letters.away = True
    assert (await world.get(f"{PATH}/export")).status == 503


async def test_one_is_shown_with_its_record_decoded(world: World) -> None:
    world.dead_letters.add(dead_letter())
    told = (await world.get(f"{PATH}/0-1")).body
    assert (told["record"], told["key"], told["value_base64"]) == ("Delivery", "ada", None)
    assert told["value"]["notification"]["recipient_id"] == "ada"
    assert told["dead_at"] == "2026-01-01T00:00:00.000001Z"
    assert ["traceparent", "00-trace"] in told["headers"]
    assert told["reason"] == "550 no such user"
    assert (told["state"], told["first_failed_at"]) == ("waiting", "1970-01-01T00:00:00.098000Z")


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
