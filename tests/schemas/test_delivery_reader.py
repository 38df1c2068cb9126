"""Deliveries from bytes: the fast way reads what the thorough way reads, or leaves it to it."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FOLDER, Codec, PoisonRecord, load
from schemas.delivery_reader import DeliveryReader
from schemas.records import delivery_from_record
from streams.domain.notification import Channel, Priority
from tests.schemas.test_reader import values

CODEC = Codec()
SCHEMA = load(FOLDER / "Delivery.avsc")
STATUS = load(FOLDER / "DeliveryStatus.avsc")
ALIKE = {"locale": "en", "category": "shipping", "catalogue_version": "v1"}
DELIVERIES = st.builds(
    lambda value, identity, alike, channel: {**value, "delivery_id": identity, **alike, "channel": channel},
    values(SCHEMA, {}),
    st.uuids().map(str) | st.text(max_size=40) | st.just("ä" * 18),
    st.sampled_from([ALIKE, {**ALIKE, "category": "news"}, {}]),
    st.sampled_from(["email", "email", *map(str, Channel), "", "pigeon"]),
)
MANY = DeliveryReader(CODEC)  # knows what others have had in common


def thorough(data: bytes | None) -> Any:
    """What fastavro reads, as a value; None: it is poison."""
    try:
        return delivery_from_record(CODEC.decode("Delivery", data))
    except ValueError:
        return None


def agree(data: bytes) -> None:
    """Twice: the first time nothing of it is known yet."""
    expected = thorough(data)
    for _ in range(2):
        try:
            found, _ = MANY.read(data)
        except PoisonRecord:
            assert expected is None
        else:
            assert found == expected


@given(DELIVERIES)
def test_what_is_read_is_what_fastavro_reads(value: dict[str, Any]) -> None:
    agree(CODEC.encode("Delivery", value))


@given(DELIVERIES, st.data())
def test_mutated_and_truncated_bytes_are_never_read_otherwise(value: dict[str, Any], data: st.DataObject) -> None:
    whole = CODEC.encode("Delivery", value)
    learn(whole)
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    agree(bytes(mutated))
    agree(whole[: data.draw(st.integers(0, len(whole) - 1))])
    agree(whole + data.draw(st.binary(min_size=1, max_size=3)))


def learn(data: bytes) -> None:
    """Let it learn what this one has in common with others."""
    if thorough(data) is not None:
        MANY.read(data)


@given(DELIVERIES)
def test_what_its_status_has_in_common_with_it_is_what_fastavro_would_write(value: dict[str, Any]) -> None:
    data = CODEC.encode("Delivery", {**value, "channel": "email"})
    start, tenant = MANY.read(data)[1] or (b"", b"")
    told = {**value, **value["notification"]}
    names = [field["name"] for field in STATUS["fields"]]
    assert start == _part(STATUS["fields"][: names.index("channel")], told)
    assert tenant == _part([STATUS["fields"][names.index("tenant")]], told)


def _part(fields: list[Any], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema({"type": "record", "name": "P", "fields": fields}), value)
    return out.getvalue()


def a_delivery(**changes: Any) -> dict[str, Any]:
    notification = {
        "notification_id": "n", "recipient_id": "ada", "type": "t", "priority": "high", "tenant": None,
        "created_at": 1_795_537_941_492, "expires_at": None, "send_at": None, "channels": ["email"], "locale": "de",
        "dedupe_key": None, "cancellation_key": "c", "data": "{}", "to": {"email": "a@example.com"}, "metadata": {},
    }  # fmt: skip
    head = {
        "delivery_id": "d", "channel": "email", "locale": "de", "category": "c", "catalogue_version": "v",
        "preference_version": 7, "decided_by": "system",
    }  # fmt: skip
    return {**head, "notification": notification, **changes}


def test_a_channel_that_has_no_sender_is_poison_also_when_it_came_before() -> None:
    reader = DeliveryReader(CODEC)
    for _ in range(2):
        with pytest.raises(PoisonRecord, match="pigeon"):
            reader.read(CODEC.encode("Delivery", a_delivery(channel="pigeon")))


def test_deliveries_that_have_something_in_common_keep_what_is_their_own() -> None:
    reader = DeliveryReader(CODEC)
    first, _ = reader.read(CODEC.encode("Delivery", a_delivery()))
    other, _ = reader.read(CODEC.encode("Delivery", a_delivery(delivery_id="e", preference_version=8)))
    assert (first.delivery_id, other.delivery_id) == ("d", "e")
    assert (first.preference_version, other.preference_version) == (7, 8)
    assert other.notification.priority is Priority.HIGH


def test_metadata_that_came_before_is_known_and_what_is_cut_off_is_not_taken_for_it() -> None:
    reader = DeliveryReader(CODEC)
    for source in ("orders", "orders", "x" * 1_000, "x" * 1_000):
        value = a_delivery()
        value["notification"]["metadata"] = {"source": source}
        data = CODEC.encode("Delivery", value)
        assert reader.read(data)[0].notification.metadata == {"source": source}
        for left in (data[:-1], data[:-2], data + b"\0"):
            with pytest.raises(PoisonRecord):
                reader.read(left)


@pytest.mark.parametrize("odd", [None, b"", b"\xc3\x01", b"{}", CODEC.frame("DeliveryStatus") + b"x"])
def test_what_is_no_delivery_is_poison(odd: bytes | None) -> None:
    with pytest.raises(PoisonRecord):
        MANY.read(odd)


class Registry:
    """Our current Delivery under id 1, one without the last default of today under id 2."""

    def id_of(self, name: str) -> int:
        return 1

    def schema_of(self, schema_id: int) -> dict[str, Any] | None:
        return SCHEMA if schema_id == 2 else None


def test_what_another_schema_wrote_is_read_in_the_thorough_way() -> None:
    codec = Codec(Registry())
    single = CODEC.encode("Delivery", a_delivery())
    for frame in (b"\0\0\0\0\x01", b"\0\0\0\0\x02", b""):
        data = frame + single[10:] if frame else single
        found, told = DeliveryReader(codec).read(data)
        assert found == thorough(single)
        assert (told is None) == (frame != b"\0\0\0\0\x01")


def test_it_forgets_before_it_remembers_too_much() -> None:
    reader = DeliveryReader(CODEC)
    for number in range(10_005):
        told, _ = reader.read(CODEC.encode("Delivery", a_delivery(category=f"c{number}")))
    assert told.category == "c10004"
    assert len(reader._heads) < 10
