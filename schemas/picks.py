"""What a generated reader (schemas/reader.py) gives of a record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The UTF-8 bytes of a string field."""

    field: str


@dataclass(frozen=True, slots=True)
class Number:
    """The value of a long field, or of a union of null and long."""

    field: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A field as fastavro reads it: text, bytes, a number, records, arrays and maps of these, and one or null."""

    field: str


@dataclass(frozen=True, slots=True)
class End:
    """The position after a field."""

    field: str


@dataclass(frozen=True, slots=True)
class Raw:
    """The encoded bytes of a run of fields, from `first` to `last`."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Rest:
    """The bytes that follow a field, as they are: the reader stops there, and nothing of them is checked."""

    after: str


Pick = Text | Number | Decoded | End | Raw | Rest
