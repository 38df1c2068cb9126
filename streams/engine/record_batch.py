"""Kafka's records and record batches (message format 2), written here: what many records share is encoded once.

Where the format is described: https://kafka.apache.org/documentation/#recordbatch. aiokafka's reader is the oracle.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka.codec import zstd_encode
from aiokafka.record.util import calc_crc32c

Headers = Sequence[tuple[str, bytes]]

_BEFORE_CRC = struct.Struct(">qiibI")  # base offset, length, leader epoch, magic, crc
_AFTER_CRC = struct.Struct(">hiqqqhii")  # attributes, last offset delta, times, producer, epoch, sequence, count
_LEADER_EPOCH, _MAGIC, _AS_IT_IS, _ZSTD = -1, 2, 0, 4
_COUNTED = 9  # bytes of the leader epoch, the magic and the crc: they are part of the length
_LEVEL = 1  # of compression: outputs are much alike, more effort saved a tenth of the bytes for twice the time
# Fewer bytes go as they are. A delivery alone would become a quarter smaller (two: half), for 12 us here; the broker,
# which looks into what it is given, and each reader would pay as well.
_WORTH_IT = 1_000
_NONE = b"\x01"  # length -1


def varint(number: int) -> bytes:
    """A signed number in as few bytes as it takes (zig-zag)."""
    left, made = (number << 1) ^ (number >> 63), bytearray()
    while left > 127:
        made.append(left & 127 | 128)
        left >>= 7
    made.append(left)
    return bytes(made)


SIZES = tuple(varint(number) for number in range(4096))
"""The encoded form of the usual lengths; `varint` for the others."""

_PLACES = tuple(b"\0\0" + size for size in SIZES)  # attributes, time delta, offset delta


def sized(data: bytes | None) -> bytes:
    """Bytes behind their length."""
    if data is None:
        return _NONE
    length = len(data)
    return (SIZES[length] if length < len(SIZES) else varint(length)) + data


def header(name: str, value: bytes | None) -> bytes:
    """One header; how many there are comes before the first."""
    return sized(name.encode()) + sized(value)


def record(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """A record but for what depends on its place in a batch."""
    each = [header(*pair) for pair in headers]
    return b"".join((sized(key), sized(value), varint(len(each)), *each))


class Decoded(NamedTuple):
    """A record, decoded."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def decoded(made: bytes) -> Decoded:
    """What `record` was given. Only for bytes made here."""
    key, at = _sized(made, 0)
    value, at = _sized(made, at)
    count, at = _number(made, at)
    headers: list[tuple[str, Any]] = []  # a null, which Kafka has too, stays one
    for _ in range(count):
        name, at = _sized(made, at)
        what, at = _sized(made, at)
        headers.append(((name or b"").decode(), what))
    return Decoded(key, value, headers)


class RecordBatch:
    """Records of one partition that are sent as one. Has what aiokafka's sender asks of a batch."""

    def __init__(self, records: Sequence[bytes], time_ms: int) -> None:
        """At most 4,096 records; `time_ms`: of all of them, since 1970-01-01 UTC."""
        self.records = records
        self._time_ms = time_ms
        self._producer = (-1, -1, 0)
        self._built: bytes | None = None

    def record_count(self) -> int:
        return len(self.records)

    def closed(self) -> bool:
        """Nothing is added to it any more."""
        return True

    def close(self) -> None: ...

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        # Kafka counts round from 0 after 2^31 - 1, aiokafka on into what is negative.
        self._producer = (producer_id, producer_epoch, base_sequence & 0x7FFF_FFFF)

    def _build(self) -> bytes:
        """The bytes; the same at each attempt."""
        if self._built is None:
            self._built = self._encoded()
        return self._built

    def _encoded(self) -> bytes:
        pieces: list[bytes] = []
        for place, made in zip(_PLACES, self.records, strict=False):
            length = len(place) + len(made)
            pieces += (SIZES[length] if length < len(SIZES) else varint(length), place, made)
        count = len(self.records)
        body, form = b"".join(pieces), _AS_IT_IS
        if len(body) >= _WORTH_IT:
            body, form = zstd_encode(body, _LEVEL), _ZSTD
        tail = _AFTER_CRC.pack(form, count - 1, self._time_ms, self._time_ms, *self._producer, count) + body
        return _BEFORE_CRC.pack(0, _COUNTED + len(tail), _LEADER_EPOCH, _MAGIC, calc_crc32c(tail)) + tail


def in_batches(records: Sequence[bytes], time_ms: int, size: int) -> Iterator[RecordBatch]:
    """The records in as few batches as possible of at most `size` bytes before compression, or of one larger record."""
    first = total = 0
    for at, made in enumerate(records):
        total += len(made)
        if (total > size and at > first) or at - first == len(_PLACES):
            yield RecordBatch(records[first:at], time_ms)
            first, total = at, len(made)
    if first < len(records):
        yield RecordBatch(records[first:] if first else records, time_ms)


def _number(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return (found >> 1) ^ -(found & 1), at
        shift += 7


def _sized(data: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = _number(data, at)
    return (None, at) if length < 0 else (data[at : at + length], at + length)
