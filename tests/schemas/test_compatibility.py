from itertools import combinations
from typing import Any

import pytest

from schemas.codec import FOLDER, NAMES, load, versions
from schemas.compatibility import both_ways, problems
from schemas.lint import lint


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)}


A = {"name": "a", "type": "string"}
NOTHING = {"type": "record", "name": "E", "fields": []}
ONLY_NULL = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}
B = {"name": "b", "type": ["null", "long"], "default": None}


@pytest.mark.parametrize("name", NAMES)
def test_every_version_of_a_record_reads_every_other(name: str) -> None:
    for old, new in combinations(versions(name), 2):
        assert both_ways(old, new) == []


@pytest.mark.parametrize("name", NAMES)
def test_our_schemas_pass_the_linter(name: str) -> None:
    for version in versions(name):
        assert lint(version) == []


@pytest.mark.parametrize(
    ("writer", "reader", "fits"),
    [
        (record(A), record(A, B), True),
        (record(A, B), record(A), True),
        (record(A), record(A, {"name": "c", "type": "string"}), False),
        ("int", "long", True),
        ("long", "int", False),
        ("string", ["null", "string"], True),
        (["null", "string"], "string", False),
        ({"type": "enum", "name": "E", "symbols": ["x", "y"]}, {"type": "enum", "name": "E", "symbols": ["x"]}, False),
        (
            {"type": "enum", "name": "E", "symbols": ["x", "y"]},
            {"type": "enum", "name": "E", "symbols": ["x"], "default": "x"},
            True,
        ),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}, False),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "double"}, True),
        (record(A), {**record(A), "name": "S"}, False),
        (record(A), record({"name": "z", "aliases": ["a"], "type": "string"}), True),
    ],
)
def test_resolution_follows_the_avro_specification(writer: Any, reader: Any, fits: bool) -> None:
    assert (problems(writer, reader) == []) is fits


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (record({"name": "self", "type": ["null", "R"], "default": None}), "contains itself"),
        (record({"name": "bomb", "type": {"type": "array", "items": "null"}}), "take no bytes"),
        (record({"name": "bomb", "type": {"type": "map", "values": NOTHING}}), "record without"),
        (record({"name": "bomb", "type": {"type": "array", "items": ONLY_NULL}}), "take no bytes"),
        (record({"name": "maybe", "type": ["null", "string"]}), "default null"),
        (record({"name": "Loud", "type": "string"}), "lower_case"),
    ],
)  # fmt: skip
def test_the_linter_names_what_is_dangerous(schema: Any, said: str) -> None:
    assert any(said in problem for problem in lint(schema))


def test_a_delivery_ends_in_the_notification_as_it_is_on_its_own() -> None:
    delivery = load(FOLDER / "Delivery.avsc")
    assert delivery["fields"][-1]["type"] == load(FOLDER / "Notification.avsc")
