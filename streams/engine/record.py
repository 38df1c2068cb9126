"""A record as it was fetched, and where it was fetched from."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """A partition of a topic. Equal to Faust's and aiokafka's, which are tuples of the same form."""

    topic: str
    partition: int


class Record(Protocol):
    """A record as it was fetched: raw bytes, no value: a tombstone. Its batch knows the partition."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...  # milliseconds since 1970-01-01 UTC
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
