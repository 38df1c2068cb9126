"""Generated encoders, with fastavro as the oracle."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FOLDER, load
from schemas.encoder import encoder
from tests.schemas.test_reader import values

FIELDS: list[dict[str, Any]] = load(FOLDER / "DeliveryStatus.avsc")["fields"]
NAMES = [field["name"] for field in FIELDS]
ENCODE = encoder(FIELDS)
VALUES = values({"type": "record", "name": "DeliveryStatus", "fields": FIELDS}, {})
CALL = [field["name"] for field in FIELDS[NAMES.index("call")]["type"][1]["fields"]]


def as_arguments(value: dict[str, Any], names: list[str]) -> list[Any]:
    """Values in their order, the provider call as a tuple."""
    made = [value[name] for name in names]
    return [tuple(each[name] for name in CALL) if isinstance(each, dict) else each for each in made]


def oracle(fields: list[dict[str, Any]], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema({"type": "record", "name": "P", "fields": fields}), value)
    return out.getvalue()


@given(VALUES)
def test_what_it_writes_is_what_fastavro_writes_byte_for_byte(value: dict[str, Any]) -> None:
    assert ENCODE(*as_arguments(value, NAMES)) == oracle(FIELDS, value)


@given(VALUES, st.data())
def test_any_run_of_fields_can_be_written(value: dict[str, Any], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(FIELDS) - 1))
    last = data.draw(st.integers(first, len(FIELDS) - 1))
    fields = FIELDS[first : last + 1]
    assert encoder(fields)(*as_arguments(value, NAMES[first : last + 1])) == oracle(fields, value)


@given(st.text(max_size=10), st.integers(0, 9_000), st.integers(-(2**63), 2**63 - 1))
def test_texts_of_any_length_and_numbers_of_any_size(mark: str, times: int, number: int) -> None:
    kinds: list[Any] = ["string", ["long", "null"], "double"]
    fields = [{"name": name, "type": kind} for name, kind in zip("abc", kinds, strict=True)]
    value = {"a": mark * times, "b": number, "c": float(number)}
    assert encoder(fields)(*value.values()) == oracle(fields, value)


@pytest.mark.parametrize(("kind", "value"), [("string", "caf\udce9"), ("long", 2**63), ("long", -(2**63) - 1)])
def test_what_does_not_fit_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"surrogates|64 bits"):
        encoder([{"name": "a", "type": kind}])(value)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "array", "items": "string"},
        {"type": "enum", "name": "E", "symbols": ["a"]},
        ["null", "string", "long"],
        "bytes",
    ],
)
def test_a_type_that_no_encoder_knows_is_refused_when_it_is_made(odd: Any) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        encoder([{"name": "odd", "type": odd}])
