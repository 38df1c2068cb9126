"""Values to Avro bytes and back.

Two framings (design section 5): Avro single-object encoding (0xC3 0x01 and the CRC-64-AVRO fingerprint of the writer's
schema) and, with a schema registry, Confluent's (0x00 and a 4-byte id). Reading accepts both. Every schema kept in
`avro/` and `avro/history/` is known by its fingerprint. Anything else is a poison record.
"""

import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

FOLDER = Path(__file__).with_name("avro")
NAMES = ("Notification", "Delivery", "Decision", "Preference", "DeliveryStatus")
SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
_SINGLE_OBJECT_FRAME = 10
_CONFLUENT_FRAME = 5

Record = dict[str, Any]


class PoisonRecord(ValueError):
    """A record that cannot be read, now or later: it belongs in dead-letters with its raw bytes. The text says why."""


class SchemaIds(Protocol):
    """A schema registry, as far as the codec needs one. Never registers anything."""

    def id_of(self, name: str) -> int:
        """The id under which our current schema of this record is registered."""

    def schema_of(self, schema_id: int) -> Mapping[str, Any] | None:
        """The schema registered under this id; None: there is none."""


def load(path: Path) -> Any:
    """One .avsc as JSON, with the records it refers to by name put in their places."""
    return _embed(json.loads(path.read_text()), path.parent)


def _embed(node: Any, folder: Path) -> Any:
    if isinstance(node, dict):
        return {key: _embed(value, folder) if key in ("type", "fields", "items", "values") else value
                for key, value in node.items()}  # fmt: skip
    if isinstance(node, list):
        return [_embed(each, folder) for each in node]
    if isinstance(node, str) and node.startswith("tidings."):
        return load(folder / f"{node.removeprefix('tidings.')}.avsc")
    return node


def fingerprint_of(schema: Any) -> bytes:
    """CRC-64-AVRO of the parsing canonical form, as the 8 little-endian bytes of a single-object frame."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def versions(name: str) -> list[Any]:
    """Every committed version of a record's schema, oldest first, the current one last."""
    earlier = sorted((FOLDER / "history" / name).glob("*.avsc"), key=lambda path: int(path.stem))
    return [load(path) for path in (*earlier, FOLDER / f"{name}.avsc")]


class Codec:
    """Encodes with the current schemas; decodes what any committed (or registered) schema wrote."""

    def __init__(self, registry: SchemaIds | None = None) -> None:
        self._registry = registry
        self._current: dict[str, Any] = {}
        self._heads: dict[str, Any] = {}
        self._frames: dict[str, bytes] = {}
        self._written_by: dict[bytes, tuple[str, Any]] = {}
        self._registered_by: dict[int, Any] = {}
        for name in NAMES:
            for schema in versions(name):
                self._current[name] = parsed = fastavro.parse_schema(schema)
                self._written_by[fingerprint_of(schema)] = (name, parsed)
            head = {**schema, "name": f"{name}Head", "fields": schema["fields"][:-1]}
            self._heads[name] = fastavro.parse_schema(head)
            single = SINGLE_OBJECT + fingerprint_of(schema)
            self._frames[name] = CONFLUENT + struct.pack(">I", registry.id_of(name)) if registry else single

    def encode(self, name: str, value: Record) -> bytes:
        """The value, framed. Raises ValueError when it does not fit the schema."""
        return self._written(self._current[name], self._frames[name], name, value)

    def splice(self, name: str, head: Record, last: bytes) -> bytes:
        """A record whose last field is already encoded: Avro records concatenate. `last` has no frame."""
        return self._written(self._heads[name], self._frames[name], name, head) + last

    def _written(self, schema: Any, frame: bytes, name: str, value: Record) -> bytes:
        out = io.BytesIO()
        out.write(frame)
        try:
            fastavro.schemaless_writer(out, schema, value)
        except Exception as error:
            raise ValueError(f"not a {name}: {error!r}") from error
        return out.getvalue()

    def decode(self, name: str, data: bytes | None) -> Record:
        """The value, in the form of our current schema. Raises PoisonRecord."""
        return self._read(name, data)[0]

    def decode_with_body(self, name: str, data: bytes | None) -> tuple[Record, bytes | None]:
        """The value, and its bytes without the frame when the current schema wrote them (fit for `splice`)."""
        return self._read(name, data)

    def _read(self, name: str, data: bytes | None) -> tuple[Record, bytes | None]:
        if not data:
            raise PoisonRecord("the value is empty")
        start, writer = self._writer(name, data)
        current = self._current[name]
        stream = io.BytesIO(data)
        stream.seek(start)
        try:
            value = fastavro.schemaless_reader(stream, writer, None if writer is current else current)
        except Exception as error:
            # its text, not its repr: that of a UnicodeDecodeError holds the bytes, and reasons end in logs and headers
            raise PoisonRecord(f"not a readable {name}: {type(error).__name__} {error}".rstrip()) from error
        if stream.tell() != len(data):
            raise PoisonRecord(f"{len(data) - stream.tell()} bytes follow the {name}")
        if not isinstance(value, dict):
            raise PoisonRecord(f"not a {name}")
        return value, data[start:] if writer is current else None

    def _writer(self, name: str, data: bytes) -> tuple[int, Any]:
        if data[:2] == SINGLE_OBJECT:
            if len(data) < _SINGLE_OBJECT_FRAME:
                raise PoisonRecord("truncated inside the frame")
            known = self._written_by.get(data[2:_SINGLE_OBJECT_FRAME])
            if known is None:
                raise PoisonRecord(f"unknown schema fingerprint {data[2:_SINGLE_OBJECT_FRAME].hex()}")
            if known[0] != name:
                raise PoisonRecord(f"a {known[0]} where a {name} belongs")
            return _SINGLE_OBJECT_FRAME, known[1]
        if data[:1] == CONFLUENT:
            return _CONFLUENT_FRAME, self._registered(name, data)
        raise PoisonRecord(f"unknown framing: the value starts with 0x{data[:2].hex()}")

    def _registered(self, name: str, data: bytes) -> Any:
        if len(data) < _CONFLUENT_FRAME:
            raise PoisonRecord("truncated inside the frame")
        if self._registry is None:
            raise PoisonRecord("framed for a schema registry, and none is configured")
        if data[:_CONFLUENT_FRAME] == self._frames[name]:
            return self._current[name]
        schema_id = struct.unpack(">I", data[1:_CONFLUENT_FRAME])[0]
        if schema_id not in self._registered_by:
            schema = self._registry.schema_of(schema_id)
            if schema is None:
                raise PoisonRecord(f"unknown schema id {schema_id}")
            self._registered_by[schema_id] = fastavro.parse_schema(dict(schema))
        return self._registered_by[schema_id]
