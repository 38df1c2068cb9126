"""How records are read and what is written for them."""

import pytest

from connectors.delivery.assignment import Assignment
from connectors.delivery.incoming import Record
from connectors.delivery.outgoing import Letters, Outgoing, Reported
from connectors.delivery.parked import Waiting
from schemas import headers
from schemas.codec import PoisonRecord
from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind
from streams.domain.notification import Channel
from streams.domain.outcomes import ProviderCall, Sent
from tests.delivery.builders import CODEC, READER, Came, delivery, encoded, policy

OWNED: Assignment[Record] = Assignment({})
RETRY = [("priority", b"high"), ("origin_offset", b"41"), ("not_before", b"1700000000000"), ("attempt", b"2"),
         ("redrives", b"1"), ("first_failed_at", b"1600000000000"), ("traceparent", b"00-1-2-01")]  # fmt: skip


def came(source: int, told: list[tuple[str, bytes]], value: bytes | None = b"") -> Record:
    names = policy().topics
    return Record(OWNED, Came(names[source], 7, 2, b"ada", value, told), source)


def decoded(told: list[tuple[str, bytes]] | None = None, source: int = 1) -> Record:
    record = came(source, told or [], encoded(delivery()))
    record.read_place()
    record.decode(READER, Channel.EMAIL)
    return record


def letters() -> Letters:
    return Letters(policy(), CODEC)


def test_a_record_from_a_main_topic_starts_its_lane_with_its_own_offset() -> None:
    record = decoded([("redrives", b"2"), ("traceparent", b"00-1-2-01")])
    assert (record.lane, record.origin, record.due, record.tried.attempt) == ((b"ada", 1), 7, 0, 0)
    assert (record.redrives, record.traceparent) == (2, b"00-1-2-01")
    assert record.claim_key == f"{record.delivery.delivery_id}:2".encode()


def test_a_record_from_a_retry_topic_knows_its_lane_its_origin_and_what_was_tried() -> None:
    record = decoded(RETRY, source=3)
    assert (record.lane, record.origin, record.due) == ((b"ada", 0), 41, 1_700_000_000_000)
    assert (record.tried.attempt, record.tried.first_failed_at, record.redrives) == (2, 1_600_000_000_000, 1)


def test_a_record_from_a_retry_topic_that_was_sent_gives_back_the_memory_it_took() -> None:
    record = decoded(RETRY, source=3)
    took = record.size
    record.forget()
    assert record.size == took > len(encoded(delivery()))


def test_what_is_written_to_a_retry_topic_reads_back_as_the_same_delivery() -> None:
    record = decoded(RETRY, source=4)
    out = letters().retry(record, Waiting(1, 1_700_000_009_999))
    again = came(4, out.headers, out.value)
    again.read_place()
    again.decode(READER, Channel.EMAIL)
    assert again.due == 1_700_000_009_999
    assert (again.lane, again.origin, again.tried, again.redrives, again.delivery, again.traceparent) == (
        record.lane, record.origin, record.tried, record.redrives, record.delivery, record.traceparent,
    )  # fmt: skip
    assert (out.topic, out.partition) == (policy().topics[4], 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", b"urgent"),
        ("priority", None),
        ("origin_offset", b"-1"),
        ("origin_offset", b"9" * 30),
        ("not_before", b"soon"),
        ("not_before", None),
        ("attempt", b"1.5"),
        ("attempt", None),
        ("first_failed_at", b""),
    ],
)
def test_a_retry_header_that_is_missing_or_wrong_is_poison_that_names_it(name: str, value: bytes | None) -> None:
    told = [pair for pair in RETRY if pair[0] != name] + ([(name, value)] if value is not None else [])
    with pytest.raises(PoisonRecord, match=f"header {name}"):
        came(3, told).read_place()


@pytest.mark.parametrize(
    ("value", "told", "why"),
    [
        (encoded(delivery())[:40], [], "not a readable Delivery"),
        (encoded(delivery()) + b"x", [], "1 bytes follow"),
        (encoded(delivery(channel=Channel.WEBHOOK)), [], "channel webhook where one for email"),
        (encoded(delivery()), [("redrives", b"many")], "header redrives"),
    ],
)
def test_what_cannot_be_read_is_poison_that_says_why(value: bytes, told: list[tuple[str, bytes]], why: str) -> None:
    with pytest.raises(PoisonRecord, match=why):
        came(1, told, value).decode(READER, Channel.EMAIL)


def told_of(out: Outgoing) -> dict[str, bytes]:
    return dict(out.headers)


def test_a_status_is_a_cloud_event_that_carries_the_trace_on() -> None:
    record = decoded([("traceparent", b"00-1-2-01")])
    outcome = Sent(ProviderCall("smtp", 5, 1.5, "250", "request", "response", "id-1"))
    out = letters().status(record, Reported(Status.SENT, 1), 1_700_000_000_000, outcome)
    value = CODEC.decode("DeliveryStatus", out.value)
    told = told_of(out)
    assert (out.topic, out.key) == ("delivery-status", b"ada")
    assert told["ce_type"] == b"tidings.delivery-status"
    assert told["ce_source"] == b"/tidings/sender/email"
    assert told["ce_id"] == f"{record.delivery.delivery_id}/{value['progress']}".encode()
    assert told["traceparent"] == b"00-1-2-01"
    assert (value["status"], value["attempt"], value["occurred_at"]) == ("sent", 1, 1_700_000_000_000)
    assert value["call"]["provider_message_id"] == "id-1"
    assert value["call"]["failure_kind"] is None


def test_the_same_end_is_the_same_event_and_each_retry_is_one_of_its_own() -> None:
    record = decoded()

    def event(status: Status, now: int) -> bytes:
        return told_of(letters().status(record, Reported(status, 1), now))["ce_id"]

    assert event(Status.SENT, 1) == event(Status.SENT, 2)
    assert event(Status.RETRYING, 1) != event(Status.RETRYING, 2)


def test_words_of_a_provider_that_are_no_text_do_not_stop_the_sender() -> None:
    broken = ProviderCall("smtp", 5, 1.5, "250", response="caf\udce9")
    out = letters().status(decoded(), Reported(Status.SENT, 1), 1, Sent(broken))
    assert CODEC.decode("DeliveryStatus", out.value)["call"]["response"] == "caf?"


def test_a_dead_letter_of_a_retried_record_tells_its_place_in_its_main_topic() -> None:
    told = told_of(letters().dead_letter(decoded(RETRY, 3), DeadLetterKind.EXHAUSTED, "503", "smtp", 4))
    assert (told["origin_topic"], told["origin_partition"], told["origin_offset"]) == (
        b"deliveries.email.high", b"2", b"41",
    )  # fmt: skip
    assert (told["attempt"], told["redrives"], told["first_failed_at"]) == (b"4", b"1", b"1600000000000")


def test_a_dead_letter_of_a_record_whose_lane_is_unknown_tells_where_it_came_up() -> None:
    told = told_of(letters().dead_letter(came(4, []), DeadLetterKind.POISON, "header priority", None, 0))
    assert (told["origin_topic"], told["origin_offset"]) == (policy().topics[4].encode(), b"7")
    assert headers.PROVIDER not in told
