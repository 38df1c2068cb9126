"""Records by fastavro alone, with schemas parsed once: how anybody would do it well."""

import io
from typing import Any

import fastavro

from schemas.codec import FOLDER, SINGLE_OBJECT, fingerprint_of, load


class PlainAvro:
    """One record's schema, framed as single objects are."""

    def __init__(self, name: str) -> None:
        schema = load(FOLDER / f"{name}.avsc")
        self._schema: Any = fastavro.parse_schema(schema)
        self.frame = SINGLE_OBJECT + fingerprint_of(schema)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Raises ValueError for another frame, and for bytes that are left over."""
        stream = io.BytesIO(data)
        if stream.read(10) != self.frame:
            raise ValueError("not framed as this record")
        value: Any = fastavro.schemaless_reader(stream, self._schema, None)
        if stream.tell() != len(data):
            raise ValueError("bytes are left over")
        return value  # type: ignore[no-any-return]

    def encode(self, value: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        out.write(self.frame)
        fastavro.schemaless_writer(out, self._schema, value)
        return out.getvalue()
