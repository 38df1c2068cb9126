"""Avro as any other team would read and write it: fastavro and the .avsc files, nothing of our codec."""

import io
from pathlib import Path
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import fingerprint, load_schema_ordered, parse_schema, to_parsing_canonical_form

FOLDER = Path(__file__).parents[2] / "schemas" / "avro"
_MARK = b"\xc3\x01"
_FRAME_BYTES = 10


class PlainAvro:
    """Reads and writes records of one schema in single-object encoding. `files`: the .avsc it refers to come first."""

    def __init__(self, *files: str) -> None:
        whole = load_schema_ordered([str(FOLDER / f"{name}.avsc") for name in files], _write_hint=False)
        self._schema = parse_schema(whole, _force=True)
        made = fingerprint(to_parsing_canonical_form(whole), "CRC-64-AVRO")
        self._frame = _MARK + bytes.fromhex(made)

    def read(self, data: bytes | None) -> dict[str, Any]:
        """The value. Raises ValueError when the bytes are anything else, be it by one byte at the end."""
        if data is None or data[:_FRAME_BYTES] != self._frame:
            raise ValueError("not framed as a record of this schema")
        stream = io.BytesIO(data)
        stream.seek(_FRAME_BYTES)
        try:
            value = schemaless_reader(stream, self._schema, None)
        except Exception as error:
            raise ValueError(f"cannot be read: {error!r}") from error
        if not isinstance(value, dict) or stream.read(1):
            raise ValueError("more bytes than one record")
        return value

    def write(self, value: dict[str, Any]) -> bytes:
        """The bytes of a record. Raises what fastavro does for one that does not fit."""
        stream = io.BytesIO()
        stream.write(self._frame)
        schemaless_writer(stream, self._schema, value)
        return stream.getvalue()
