"""Values to Avro bytes and back.

Two framings (design section 5): Avro single-object encoding (0xC3 0x01 and the CRC-64-AVRO fingerprint of the writer's
schema) and, with a schema registry, Confluent's (0x00 and a 4-byte id). Reading accepts both. Every schema kept in
`avro/` and `avro/history/` is known by its fingerprint. Anything else is a poison record.
"""

import io
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.encoder import Encoder, encoder
from schemas.picks import Pick
from schemas.reader import Reader, reader

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


@dataclass(frozen=True, slots=True)
class Writer:
    """A schema that records were written with: as fastavro takes it, and the check of what fastavro lets through."""

    schema: Any
    check: Reader

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> "Writer":
        """Raises ValueError for a schema that is no record or that we do not read."""
        return cls(fastavro.parse_schema(dict(schema)), reader(schema))


class Codec:
    """Encodes with the current schemas; decodes what any committed (or registered) schema wrote."""

    def __init__(self, registry: SchemaIds | None = None) -> None:
        self._registry = registry
        self._schemas: dict[str, Any] = {}
        self._current: dict[str, Writer] = {}
        self._parts: dict[tuple[str, ...], Any] = {}
        self._readers: dict[tuple[str | Pick, ...], Reader] = {}
        self._frames: dict[str, bytes] = {}
        self._written_by: dict[bytes, tuple[str, Writer]] = {}
        self._registered_by: dict[int, Writer] = {}
        for name in NAMES:
            for schema in versions(name):
                self._current[name] = writer = Writer.of(schema)
                self._written_by[fingerprint_of(schema)] = (name, writer)
            self._schemas[name] = schema
            single = SINGLE_OBJECT + fingerprint_of(schema)
            self._frames[name] = CONFLUENT + struct.pack(">I", registry.id_of(name)) if registry else single

    def frame(self, name: str) -> bytes:
        """What stands before a record of our current schema."""
        return self._frames[name]

    def reader(self, name: str, *picks: Pick) -> Reader:
        """A reader (schemas/reader.py) of what our current schema wrote; it starts after the frame."""
        known = (name, *picks)
        if known not in self._readers:
            self._readers[known] = reader(self._schemas[name], *picks)
        return self._readers[known]

    def field_names(self, name: str) -> tuple[str, ...]:
        """The fields of our current schema, in order."""
        return tuple(field["name"] for field in self._schemas[name]["fields"])

    def reader_from(self, name: str, first: str, *picks: Pick) -> Reader:
        """A reader of the fields from `first` on; instead of a record that is the last field, of its fields."""
        schema = self._schemas[name]
        start = [field["name"] for field in schema["fields"]].index(first)
        *fields, last = schema["fields"][start:]
        inner = last["type"]
        is_record = isinstance(inner, dict) and inner["type"] == "record"
        return reader({**schema, "fields": [*fields, *(inner["fields"] if is_record else [last])]}, *picks)

    def encoder(self, name: str, first: str, last: str) -> Encoder:
        """An encoder (schemas/encoder.py) of a run of fields of our current schema, without a frame."""
        fields = self._schemas[name]["fields"]
        names = [field["name"] for field in fields]
        return encoder(fields[names.index(first) : names.index(last) + 1])

    def encode(self, name: str, value: Record) -> bytes:
        """The value, framed. Raises ValueError when it does not fit the schema."""
        return self._frames[name] + _written(name, self._current[name].schema, value)

    def part(self, name: str, fields: Sequence[str], value: Record) -> bytes:
        """Some fields that follow one another, without a frame: Avro records concatenate. Raises ValueError."""
        known = (name, *fields)
        if known not in self._parts:
            schema = self._schemas[name]
            names = [field["name"] for field in schema["fields"]]
            start = names.index(fields[0])
            if tuple(names[start : start + len(fields)]) != tuple(fields):
                raise ValueError(f"not fields of {name} that follow one another: {', '.join(fields)}")
            part = {**schema, "name": "Part", "fields": schema["fields"][start : start + len(fields)]}
            self._parts[known] = fastavro.parse_schema(part)
        return _written(name, self._parts[known], value)

    def splice(self, name: str, head: Record, last: bytes) -> bytes:
        """A record whose last field is already encoded; `head` has its other fields in order. `last` has no frame."""
        return self._frames[name] + self.part(name, tuple(head), head) + last

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
        try:
            writer.check(data, start)  # first: fastavro would count up to 2**62 items of a block
        except IndexError as error:
            raise PoisonRecord(f"not a readable {name}: it ends too early") from error
        except ValueError as error:
            # its text, not its repr: that of a UnicodeDecodeError holds the bytes, and reasons end in logs and headers
            raise PoisonRecord(f"not a readable {name}: {error}") from error
        stream = io.BytesIO(data)
        stream.seek(start)
        try:
            value = fastavro.schemaless_reader(stream, writer.schema, None if writer is current else current.schema)
        except Exception as error:
            raise PoisonRecord(f"not a readable {name}: {type(error).__name__} {error}".rstrip()) from error
        if not isinstance(value, dict):
            raise PoisonRecord(f"not a {name}")
        return value, data[start:] if writer is current else None

    def _writer(self, name: str, data: bytes) -> tuple[int, Writer]:
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

    def _registered(self, name: str, data: bytes) -> Writer:
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
            try:
                self._registered_by[schema_id] = Writer.of(schema)
            except Exception as error:
                raise PoisonRecord(f"schema id {schema_id} is none that we read: {error}") from error
        return self._registered_by[schema_id]


def _written(name: str, schema: Any, value: Record) -> bytes:
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, schema, value)
    except Exception as error:
        raise ValueError(f"not a {name}: {error!r}") from error
    return out.getvalue()
