"""One fetch of one partition: the value of one Faust event."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from faust.serializers.schemas import Schema

from streams.engine.crash_marks import EMPTIED, CrashMarks
from streams.engine.record import Partition, Record
from streams.engine.watermark import Span, Watermark

__all__ = ["Batch", "BatchSchema", "Partition", "Record"]


class Batch:
    """Records of one partition in log order. Never empty when it is handed over.

    `for record in batch` notes each record before it is handed out, so that the next process knows which one this
    process died on; do not await between two of them.
    """

    __slots__ = ("_aside", "_crashes", "_span", "_watermark", "records", "size", "tp")

    def __init__(
        self, tp: Partition, records: Sequence[Record], watermark: Watermark, crashes: CrashMarks | None = None
    ) -> None:
        self.tp = tp
        self.records = records
        self.size = len(records)  # as fetched
        self._watermark = watermark
        self._crashes = crashes
        self._aside: list[Record] = []
        self._span: Span = watermark.open(records[-1].offset + 1, self.size)

    def __iter__(self) -> Iterator[Record]:
        return self._crashes.each(self.tp, self.records) if self._crashes else iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def set_aside(self) -> list[tuple[Record, str]]:
        """Take out the records that kill whoever handles them, each with the reason. Whoever calls it buries them."""
        deadly = self._crashes.deadly(self.tp) if self._crashes else {}
        if not deadly:
            return []
        self._aside = [record for record in self.records if record.offset in deadly]
        self.records = [record for record in self.records if record.offset not in deadly]
        reasons = [(record, deadly[record.offset]) for record in self._aside]
        return [(_emptied(record) if why is EMPTIED else record, why) for record, why in reasons]

    def of(self, key: bytes | None) -> list[Record]:
        """Its records with this key, those that were set aside too."""
        return [record for record in self.every() if record.key == key]

    def every(self) -> list[Record]:
        """Its records, those that were set aside too."""
        return [*self._aside, *self.records]

    def blame(self, record: Record) -> None:
        """The process ends because something that this record caused cannot be written."""
        if self._crashes:
            self._crashes.blame(self.tp, record.offset)

    def lift_mark(self) -> None:
        """No record is in hand, or what happens now is not for its sake."""
        if self._crashes:
            self._crashes.lift()

    def begin(self) -> None:
        """An agent takes it."""
        self._watermark.begin(self._span)

    def finish(self) -> None:
        """All that its records caused is confirmed: its offsets may be committed, once those before it may."""
        self._watermark.finish(self._span)


class _Emptied(NamedTuple):
    """A record without its bytes."""

    offset: int
    key: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None = None


def _emptied(record: Record) -> Record:
    return _Emptied(record.offset, record.key, record.timestamp, record.headers)


class BatchSchema(Schema):
    """Hands the batch through: records are decoded by the agent, where a bad one can be caught."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value
