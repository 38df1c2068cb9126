"""Which records a redrive writes."""

from typing import get_args

import pytest

from connectors.dead_letters.dead_letter import Kind
from connectors.dead_letters.put_back import PutBack, Skip, put_back
from schemas.topics import all_topics
from streams.domain.next_step import DeadLetterKind
from streams.domain.notification import Channel
from tests.http.api import CODEC, NOW
from tests.http.dead import DELIVERY, dead_letter

HOW = PutBack(NOW, "id")
LOW = PutBack(NOW, "id", low=True)


def test_every_kind_of_dead_letter_can_be_asked_for() -> None:
    assert set(get_args(Kind)) == {*map(str, DeadLetterKind), "unknown"}


@pytest.mark.parametrize("channel", list(Channel))
def test_a_delivery_goes_to_its_channel_at_its_priority_or_at_low(channel: Channel) -> None:
    dead = dead_letter(value=CODEC.encode("Delivery", {**DELIVERY, "channel": str(channel)}), origin_topic="")
    for how, priority in ((HOW, "high"), (LOW, "low")):
        records = put_back(dead, CODEC, how)
        assert isinstance(records, tuple)
        assert [each.topic for each in records] == [f"deliveries.{channel}.{priority}", "delivery-status"]
        assert records[0].value == dead.value


def test_a_delivery_that_was_a_lane_of_its_own_is_one_again_and_its_status_goes_to_its_recipient() -> None:
    dead = dead_letter(value=CODEC.encode("Delivery", DELIVERY), key=DELIVERY["delivery_id"].encode())
    records = put_back(dead, CODEC, HOW)
    assert isinstance(records, tuple)
    assert [each.key for each in records] == [dead.key, DELIVERY["notification"]["recipient_id"].encode()]


@pytest.mark.parametrize("topic", [each.name for each in all_topics(dict.fromkeys(Channel, ()))])
def test_what_is_no_delivery_goes_to_the_topic_it_came_from_if_somebody_reads_it_there(topic: str) -> None:
    records = put_back(dead_letter(value=b"odd", origin_topic=topic), CODEC, LOW)
    if topic in ("dead-letters", "preferences"):
        assert records is Skip.UNPLACED
    else:
        assert isinstance(records, tuple)
        assert [each.topic for each in records] == [topic]


@pytest.mark.parametrize(("expires_at", "skipped"), [(None, False), (NOW + 1, False), (NOW, True), (1, True)])
@pytest.mark.parametrize("schema", ["Delivery", "Notification"])
def test_what_has_expired_does_not_go_back(schema: str, expires_at: int | None, skipped: bool) -> None:
    notification = {**DELIVERY["notification"], "expires_at": expires_at}
    record = notification if schema == "Notification" else {**DELIVERY, "notification": notification}
    dead = dead_letter(value=CODEC.encode(schema, record), origin_topic="notifications.high")
    assert (put_back(dead, CODEC, HOW) is Skip.EXPIRED) == skipped
