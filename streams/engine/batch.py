"""One fetch of one partition: the value of one Faust event."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from faust.serializers.schemas import Schema

from streams.engine.watermark import Span, Watermark


class Partition(NamedTuple):
    """A partition of a topic. Equal to Faust's and aiokafka's, which are tuples of the same form."""

    topic: str
    partition: int


class Record(Protocol):
    """A record as it was fetched: raw bytes, no value: a tombstone."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Batch:
    """Records of one partition in log order. Never empty."""

    __slots__ = ("_mark", "_span", "records", "tp")

    def __init__(self, tp: Partition, records: Sequence[Record], mark: Watermark) -> None:
        self.tp = tp
        self.records = records
        self._mark = mark
        self._span: Span = mark.open(records[-1].offset + 1, len(records))

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def finish(self) -> None:
        """All that its records caused is confirmed: its offsets may be committed, once those before it may."""
        self._mark.finish(self._span)


class BatchSchema(Schema):
    """Hands the batch through: records are decoded by the agent, where a bad one can be caught."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value
