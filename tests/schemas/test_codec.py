import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FOLDER, NAMES, Codec, PoisonRecord, fingerprint_of, load, versions

CODEC = Codec()
EXAMPLES = sorted((FOLDER.parent / "examples").glob("*/*.json"))


class OneRegistry:
    """A schema registry that holds our current schemas under the ids 1, 2, 3 ..., and one more under 77."""

    def __init__(self, extra: Any = None) -> None:
        self.extra = extra

    def id_of(self, name: str) -> int:
        return NAMES.index(name) + 1

    def schema_of(self, schema_id: int) -> Any:
        if schema_id == 77:
            return self.extra
        return load(FOLDER / f"{NAMES[schema_id - 1]}.avsc") if schema_id <= len(NAMES) else None


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(p for p in EXAMPLES if p.parent.name == name).read_text())
    return found


def test_every_record_has_an_example() -> None:
    assert {path.parent.name for path in EXAMPLES} == set(NAMES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
@pytest.mark.parametrize("codec", [CODEC, Codec(OneRegistry())], ids=["single-object", "confluent"])
def test_an_example_is_the_same_after_encoding_and_decoding(path: Path, codec: Codec) -> None:
    value = json.loads(path.read_text())
    assert codec.decode(path.parent.name, codec.encode(path.parent.name, value)) == value


def test_fingerprints_are_those_of_the_avro_specification() -> None:
    # the specification's vector for "null", little-endian as a single-object frame has it
    assert fingerprint_of("null") == (0x63DD24E7CC258F8A).to_bytes(8, "little")


def test_a_reader_with_a_registry_also_reads_single_object_records() -> None:
    value = example("Notification")
    assert Codec(OneRegistry()).decode("Notification", CODEC.encode("Notification", value)) == value


def test_a_registered_schema_of_another_writer_is_resolved_to_ours() -> None:
    theirs = load(FOLDER / "Notification.avsc")
    theirs["fields"] = [f for f in theirs["fields"] if f["name"] != "metadata"]
    ours = Codec(OneRegistry(theirs))
    value = {k: v for k, v in example("Notification").items() if k != "metadata"}
    body = Codec(OneRegistry()).encode("Notification", example("Notification"))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(theirs), value)
    framed = b"\0" + (77).to_bytes(4, "big") + out.getvalue()
    assert ours.decode("Notification", framed) == {**value, "metadata": {}}
    assert ours.decode_with_body("Notification", framed)[1] is None
    assert ours.decode_with_body("Notification", body)[1] == body[5:]


def test_a_spliced_delivery_equals_one_that_was_encoded_whole() -> None:
    value = example("Delivery")
    told, body = CODEC.decode_with_body("Notification", CODEC.encode("Notification", value["notification"]))
    assert told == value["notification"]
    assert body is not None
    head = {k: v for k, v in value.items() if k != "notification"}
    assert CODEC.splice("Delivery", head, body) == CODEC.encode("Delivery", value)


GOOD = CODEC.encode("Notification", example("Notification"))
POISON = {
    "empty value": (b"", "empty"),
    "no value": (None, "empty"),
    "plain JSON": (b'{"a": 1}', "framing"),
    "unknown fingerprint": (b"\xc3\x01" + b"\x99" * 8 + GOOD[10:], "fingerprint"),
    "cut inside the frame": (GOOD[:6], "frame"),
    "cut inside the body": (GOOD[:-7], "not a readable Notification: it ends too early"),
    "trailing bytes": (GOOD + b"\x00\x01", "2 bytes follow it"),
    "another record": (CODEC.encode("Decision", example("Decision")), "a Decision where a Notification belongs"),
    "framed for a registry": (b"\x00\x00\x00\x00\x09" + GOOD[10:], "registry"),
    "no such enum symbol": (GOOD.replace(b"order.shipped\x00", b"order.shipped\x7e", 1), "Notification"),
    "an enum index below zero": (GOOD.replace(b"order.shipped\x00", b"order.shipped\x01", 1), "3 symbols of Priority"),
}


@pytest.mark.parametrize("case", POISON, ids=lambda c: c.replace(" ", "-"))
def test_what_cannot_be_read_is_poison_and_says_why(case: str) -> None:
    data, said = POISON[case]
    with pytest.raises(PoisonRecord, match=said):
        CODEC.decode("Notification", data)


def test_an_unknown_schema_id_is_poison() -> None:
    with pytest.raises(PoisonRecord, match="unknown schema id 99"):
        Codec(OneRegistry()).decode("Notification", b"\0\0\0\0\x63" + GOOD[10:])


def test_a_registered_schema_that_we_do_not_read_makes_its_records_poison() -> None:
    with pytest.raises(PoisonRecord, match="schema id 77 is none that we read"):
        Codec(OneRegistry({"type": "record", "name": "R", "fields": [{"name": "x", "type": "unheard.Of"}]})).decode(
            "Notification", b"\0\0\0\0\x4d" + GOOD[10:]
        )


@pytest.mark.timeout(20)
def test_few_bytes_that_count_to_the_skies_are_poison_at_once() -> None:
    theirs = json.loads(json.dumps(load(FOLDER / "Notification.avsc")))
    theirs["fields"].append({"name": "scores", "type": {"type": "array", "items": "double"}})
    framed = b"\0" + (77).to_bytes(4, "big") + GOOD[10:] + b"\x80" * 9 + b"\x01"
    with pytest.raises(PoisonRecord, match="a block of 4611686018427387904 items in 0 bytes"):
        Codec(OneRegistry(theirs)).decode("Notification", framed)


@given(st.binary(max_size=300), st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_mutated_bytes_are_read_or_poison_and_never_anything_else(noise: bytes, at: int, byte: int) -> None:
    mutated = bytearray(GOOD)
    mutated[at] = byte
    for data in (noise, GOOD[:10] + noise, bytes(mutated)):
        try:
            value = CODEC.decode("Notification", data)
        except PoisonRecord:
            continue
        assert set(value) == {field["name"] for field in load(FOLDER / "Notification.avsc")["fields"]}


def test_a_value_that_does_not_fit_is_refused_with_its_record_named() -> None:
    with pytest.raises(ValueError, match="not a Notification"):
        CODEC.encode("Notification", {"notification_id": 7})


def test_every_committed_version_is_read_by_its_fingerprint() -> None:
    for name in NAMES:
        for schema in versions(name):
            out = io.BytesIO(b"")
            out.write(b"\xc3\x01" + fingerprint_of(schema))
            fastavro.schemaless_writer(out, fastavro.parse_schema(schema), example(name))
            known = {field["name"] for field in schema["fields"]}
            fields = load(FOLDER / f"{name}.avsc")["fields"]
            newer = {field["name"]: field["default"] for field in fields if field["name"] not in known}
            assert CODEC.decode(name, out.getvalue()) == {**example(name), **newer}
