"""Generated readers, with fastavro as the oracle."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FOLDER, NAMES, load
from schemas.picks import Decoded, End, Number, Raw, Rest, Text
from schemas.reader import reader
from schemas.reader_source import source_of

EVERYTHING: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "namespace": "test",
    "fields": [
        {"name": "before", "type": "string"},
        {"name": "nothing", "type": "null"},
        {"name": "flag", "type": "boolean"},
        {"name": "float", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "bytes", "type": "bytes"},
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 3}},
        {"name": "again", "type": "test.Id"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["a", "b", "c"]}},
        {"name": "number", "type": {"type": "long", "logicalType": "timestamp-millis-of-ours"}},
        {"name": "perhaps", "type": ["null", "long"]},
        {"name": "one_of", "type": ["string", "null", "long", {"type": "array", "items": "int"}]},
        {"name": "list", "type": {"type": "array", "items": {"type": "map", "values": ["null", "string"]}}},
        {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "kinds", "type": {
            "type": "array", "items": "Kind"}}]}},
        {"name": "none", "type": {"type": "record", "name": "Empty", "fields": []}},
        {"name": "others", "type": {"type": "map", "values": "Inner"}},
        {"name": "after", "type": ["null", "string"]},
    ],
}  # fmt: skip
SCHEMAS = {name: load(FOLDER / f"{name}.avsc") for name in NAMES} | {"Everything": EVERYTHING}
PARSED = {name: fastavro.parse_schema(schema) for name, schema in SCHEMAS.items()}
LONG = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 63, 64, -64, -65, 8191, 1_795_500_203_465])
TEXT = st.text(max_size=20) | st.sampled_from(["x" * 63, "x" * 64, "ä" * 40, "x" * 8191, "x" * 8192])


def values(schema: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of an Avro schema."""
    simple: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(), "boolean": st.booleans(), "int": st.integers(-(2**31), 2**31 - 1), "long": LONG,
        "float": st.floats(width=32, allow_nan=False), "double": st.floats(allow_nan=False),
        "bytes": st.binary(max_size=70), "string": TEXT,
    }  # fmt: skip
    match schema:
        case list():
            return st.one_of([values(each, known) for each in schema])
        case {"type": "record", "name": name, "fields": fields}:
            known[name] = known[f"{schema.get('namespace', 'test')}.{name}"] = made = st.fixed_dictionaries(
                {field["name"]: values(field["type"], known) for field in fields}
            )
            return made
        case {"type": "enum", "name": name, "symbols": symbols}:
            known[name] = st.sampled_from(symbols)
            return st.sampled_from(symbols)
        case {"type": "fixed", "name": name, "size": size}:
            known[name] = known[f"test.{name}"] = st.binary(min_size=size, max_size=size)
            return known[name]  # type: ignore[no-any-return]
        case {"type": "array", "items": items}:
            return st.lists(values(items, known), max_size=4)
        case {"type": "map", "values": inner}:
            return st.dictionaries(TEXT, values(inner, known), max_size=4)
        case {"type": inner}:
            return values(inner, known)
    return simple[schema] if schema in simple else known[schema]


def written(name: str, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED[name], value)
    return out.getvalue()


def oracle(name: str, data: bytes) -> Any:
    """What fastavro reads; an exception when it cannot, or when bytes are left over."""
    stream = io.BytesIO(data)
    value = fastavro.schemaless_reader(stream, PARSED[name], None)
    if stream.tell() != len(data):
        raise ValueError("bytes are left over")
    return value


CASES = st.sampled_from([*SCHEMAS]).flatmap(lambda name: st.tuples(st.just(name), values(SCHEMAS[name], {})))
CHECK = {name: reader(schema) for name, schema in SCHEMAS.items()}


@given(CASES)
def test_what_fastavro_writes_is_accepted(case: tuple[str, Any]) -> None:
    name, value = case
    assert CHECK[name](b"frame" + written(name, value), 5) == ()


@given(CASES, st.data())
def test_a_record_that_was_cut_off_or_has_more_is_refused(case: tuple[str, Any], data: st.DataObject) -> None:
    name, value = case
    whole = written(name, value)
    shorter = whole[: data.draw(st.integers(0, len(whole) - 1))] if whole else None
    for broken in (shorter, whole + b"\0"):
        if broken is not None:
            with pytest.raises((IndexError, ValueError)):
                CHECK[name](broken, 0)


@given(CASES, st.data())
def test_mutated_bytes_are_never_read_otherwise_than_fastavro_reads_them(
    case: tuple[str, Any], data: st.DataObject
) -> None:
    name, value = case
    mutated = bytearray(written(name, value))
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    agree(name, bytes(mutated))


@given(st.sampled_from([*SCHEMAS]), st.binary(max_size=80))
def test_any_bytes_are_never_read_otherwise_than_fastavro_reads_them(name: str, noise: bytes) -> None:
    agree(name, noise)


def agree(name: str, data: bytes) -> None:
    """Accepted by the reader: by fastavro too. Refused by the reader: by fastavro too, or nobody would write it so."""
    try:
        CHECK[name](data, 0)
    except (IndexError, ValueError):
        try:
            read = oracle(name, data)
        except Exception:
            return
        assert written(name, read) != data
    else:
        oracle(name, data)


PICKS = (
    Text("notification_id"), Text("recipient_id"), Text("type"), Number("created_at"), Number("expires_at"),
    Number("send_at"), End("type"), End("created_at"), Raw("channels", "locale"), Raw("tenant", "tenant"), End("data"),
)  # fmt: skip
PICK = reader(SCHEMAS["Notification"], *PICKS)
FIELDS = [field["name"] for field in SCHEMAS["Notification"]["fields"]]


def part(value: dict[str, Any], first: str, last: str) -> bytes:
    """The bytes of a run of fields, by fastavro."""
    fields = SCHEMAS["Notification"]["fields"][FIELDS.index(first) : FIELDS.index(last) + 1]
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema({"type": "record", "name": "P", "fields": fields}), value)
    return out.getvalue()


@given(values(SCHEMAS["Notification"], {}), st.binary(max_size=12))
def test_what_is_picked_is_what_is_there(value: dict[str, Any], frame: bytes) -> None:
    found = dict(zip(PICKS, PICK(frame + written("Notification", value), len(frame)), strict=True))
    for pick in PICKS:
        match pick:
            case Text(field):
                assert found[pick].decode() == value[field]
            case Number(field):
                assert found[pick] == value[field]
            case End(field):
                assert found[pick] == len(frame) + len(part(value, FIELDS[0], field))
            case Raw(first, last):
                assert found[pick] == part(value, first, last)


PICKABLE = {
    **EVERYTHING,
    "name": "Pickable",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "bytes", "type": "bytes"},
        {"name": "int", "type": {"type": "int"}},
        {"name": "long", "type": "long"},
        {"name": "perhaps", "type": ["null", "long"]},
        {"name": "one_of", "type": ["string", "null", "long", {"type": "array", "items": "int"}]},
        {"name": "list", "type": {"type": "array", "items": {"type": "map", "values": ["null", "string"]}}},
        {"name": "map", "type": ["null", {"type": "map", "values": {"type": "array", "items": "string"}}]},
        {"name": "record", "type": ["null", {"type": "record", "name": "Call", "fields": [
            {"name": "took", "type": "double"}, {"name": "code", "type": ["null", "string"]}]}]},
        {"name": "records", "type": {"type": "array", "items": "Call"}},
        {"name": "double", "type": "double"},
        {"name": "lists", "type": {"type": "array", "items": {"type": "array", "items": "long"}}},
        {"name": "after", "type": ["null", "string"]},
    ],
}  # fmt: skip
PARSED["Pickable"] = fastavro.parse_schema(PICKABLE)
READ_ALL = reader(PICKABLE, *(Decoded(field["name"]) for field in PICKABLE["fields"]))


@given(values(PICKABLE, {}))
def test_a_value_that_is_picked_is_what_fastavro_reads(value: dict[str, Any]) -> None:
    data = written("Pickable", value)
    assert READ_ALL(data, 0) == tuple(oracle("Pickable", data).values())


@given(values(PICKABLE, {}), st.data())
def test_a_value_in_mutated_bytes_is_what_fastavro_reads_or_refused(value: dict[str, Any], data: st.DataObject) -> None:
    mutated = bytearray(written("Pickable", value))
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = READ_ALL(bytes(mutated), 0)
    except (IndexError, ValueError):
        return
    wanted = tuple(oracle("Pickable", bytes(mutated)).values())
    assert read == wanted or repr(read) == repr(wanted)  # not a number is not even itself


@pytest.mark.parametrize("field", ["flag", "float", "id", "kind", "inner"])
def test_a_value_that_no_reader_picks_is_refused_when_it_is_made(field: str) -> None:
    with pytest.raises(ValueError, match="no reader picks"):
        reader(EVERYTHING, Decoded(field))


@given(values(SCHEMAS["Preference"], {}), st.binary(max_size=200))
def test_the_rest_is_not_looked_at(value: dict[str, Any], rest: bytes) -> None:
    read = reader(SCHEMAS["Preference"], Text("recipient_id"), Rest("updated_at"))
    whole = written("Preference", value)
    recipient, unread = read(whole, 0)
    assert recipient.decode() == value["recipient_id"]
    assert read(whole.removesuffix(unread) + rest, 0) == (recipient, rest)


@pytest.mark.parametrize(
    ("bytes_of", "said"),
    [
        (b"\x02a\x01", "not one of the 2 branches"),  # fastavro: -1, the last one
        (b"\x02a\x05", "not one of the 2 branches"),
        (b"\x01", "a negative length"),
        (b"\x02a\x02" + b"\xff" * 9 + b"\x03", "more than 64 bits"),
        (b"\x02a\x00\x00", "1 bytes follow it"),
        (b"\x06a", "it lacks|out of range"),
        (b"\x02\xff\x00", "utf-8"),
    ],
)
def test_what_is_refused_says_why(bytes_of: bytes, said: str) -> None:
    schema = {"type": "record", "name": "R", "fields": [
        {"name": "text", "type": "string"}, {"name": "number", "type": ["null", "long"]}]}  # fmt: skip
    with pytest.raises((IndexError, ValueError), match=said):
        reader(schema)(bytes_of, 0)


def test_blocks_may_come_with_their_size_and_in_parts() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "list", "type": {"type": "array", "items": "string"}}]}
    assert reader(schema, Raw("list", "list"))(b"\x01\x04\x02a\x02\x02b\x00", 0) == (b"\x01\x04\x02a\x02\x02b\x00",)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("items", ["double", "string", {"type": "fixed", "name": "F", "size": 3}])
def test_more_items_than_bytes_are_refused_before_they_are_counted(items: Any) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "list", "type": {"type": "array", "items": items}}]}
    with pytest.raises(ValueError, match="a block of 4611686018427387904 items in 9 bytes"):
        reader(schema)(b"\x80" * 9 + b"\x01" + b"\0" * 9, 0)


MANY = [*map(str, range(65))]
NOTHING = {"type": "record", "name": "N", "fields": [
    {"name": "none", "type": {"type": "fixed", "name": "F", "size": 0}}, {"name": "again", "type": "F"},
    {"name": "null", "type": {"type": {"type": "null"}}}]}  # fmt: skip
ODD = [
    "tidings.Unknown",
    {"type": "array", "items": "null"},
    {"type": "array", "items": NOTHING},
    {"type": "enum", "name": "E", "symbols": MANY},
    [{"type": "fixed", "name": n, "size": 1} for n in MANY],
]


@pytest.mark.parametrize("odd", ODD, ids=["unknown", "nulls", "nothings", "enum", "union"])
def test_a_type_that_no_reader_knows_is_refused_when_it_is_made(odd: Any) -> None:
    with pytest.raises(ValueError, match="no reader"):
        reader({"type": "record", "name": "R", "fields": [{"name": "odd", "type": odd}]})


def test_no_text_of_a_schema_becomes_code() -> None:
    """A registry hands us schemas of others."""
    evil = 'x"); import os; os.abort() #'
    schema = {"type": "record", "name": evil, "fields": [
        {"name": evil, "type": {"type": "enum", "name": evil, "symbols": ["a"]}}]}  # fmt: skip
    assert reader(schema, Raw(evil, evil))(b"\0", 0) == (b"\0",)
    assert json.dumps(evil)[1:-1] not in source_of(schema).replace("\\'", "'").replace("symbols of " + evil, "")
