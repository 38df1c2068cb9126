import json
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connectors.kafka.registry import Registry, connect
from connectors.unavailable import Unavailable
from schemas.codec import FOLDER, NAMES, Codec, load

SUBJECTS = {name: f"{name}-value" for name in NAMES}
EXAMPLE = json.loads((Path(__file__).parents[2] / "schemas/examples/Notification/plain.json").read_text())


def registry(*registered: str) -> Registry:
    client = SchemaRegistryClient.new_client({"url": "mock://"})
    for name in registered:
        client.register_schema(SUBJECTS[name], Schema(json.dumps(load(FOLDER / f"{name}.avsc")), "AVRO"))
    return Registry(client, SUBJECTS)


def test_records_are_framed_with_the_registered_id_and_read_back() -> None:
    ours = registry(*NAMES)
    codec = Codec(ours)
    value = codec.encode("Notification", EXAMPLE)
    assert value[:1] == b"\0"
    assert int.from_bytes(value[1:5], "big") == ours.id_of("Notification")
    assert codec.decode("Notification", value) == EXAMPLE


def test_a_schema_that_is_not_registered_is_named_and_never_registered_by_us() -> None:
    ours = registry("Delivery")
    with pytest.raises(LookupError, match=r"lacks Notification\.avsc under 'Notification-value'"):
        Codec(ours)
    with pytest.raises(LookupError):
        ours.id_of("Notification")


def test_an_unknown_id_has_no_schema() -> None:
    assert registry("Delivery").schema_of(4711) is None


def test_a_registry_that_does_not_answer_is_unavailable_and_no_poison() -> None:
    away = connect("http://127.0.0.1:9", SUBJECTS)
    with pytest.raises(Unavailable):
        away.schema_of(1)
