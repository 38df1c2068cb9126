"""What we write as a record batch, aiokafka's reader reads as what it was made of."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.record_batch import RecordBatch, decoded, in_batches, record, sized, varint

CODEC_NONE, CODEC_ZSTD = 0, 4
NOW = 1_795_500_203_465
DATA = st.none() | st.binary(max_size=200) | st.sampled_from([b"x" * size for size in (63, 64, 4095, 4096, 70_000)])
TOLD = st.lists(st.tuples(st.text(max_size=8), DATA), max_size=4)
RECORDS = st.lists(st.tuples(DATA, DATA, TOLD), min_size=1, max_size=20)


def read(batch: RecordBatch) -> list[Any]:
    """The records of a batch as Kafka's clients find it."""
    records = MemoryRecords(batch._build())
    found = records.next_batch()
    assert found is not None
    assert not records.has_next()
    assert found.validate_crc()
    return list(found)


@given(RECORDS)
def test_a_batch_is_read_as_what_it_was_made_of(given: list[tuple[Any, Any, Any]]) -> None:
    batch = RecordBatch([record(*each) for each in given], NOW)
    batch._set_producer_state(7, 3, 40)
    found = read(batch)
    assert [(each.key, each.value, list(each.headers)) for each in found] == given
    assert [each.offset for each in found] == list(range(len(given)))
    assert {each.timestamp for each in found} == {NOW}


@given(DATA, DATA, TOLD)
def test_a_record_is_decoded_to_what_it_was_made_of(key: Any, value: Any, headers: Any) -> None:
    assert decoded(record(key, value, headers)) == (key, value, headers)


def test_a_batch_tells_whose_it_is_and_where_it_belongs_in_the_sequence() -> None:
    batch = RecordBatch([record(b"key", b"value", [])] * 3, NOW)
    batch._set_producer_state(7, 3, 40)
    found: Any = MemoryRecords(batch._build()).next_batch()
    assert (found.producer_id, found.producer_epoch, found.base_sequence) == (7, 3, 40)
    assert (found.base_offset, found.last_offset_delta, found.next_offset) == (0, 2, 3)
    assert (found.is_transactional, found.is_control_batch, found.timestamp_type) == (False, False, 0)
    assert batch.record_count() == 3


def test_the_sequence_goes_round_as_brokers_count_it() -> None:
    """aiokafka goes on into negative numbers after 2^31 records of a partition, which brokers refuse."""
    batch = RecordBatch([record(b"key", b"value", [])], NOW)
    batch._set_producer_state(7, 3, 2**31 + 5 - 2**32)
    found: Any = MemoryRecords(batch._build()).next_batch()
    assert found.base_sequence == 5


@pytest.mark.parametrize(("size", "codec"), [(900, CODEC_NONE), (1_100, CODEC_ZSTD)])
def test_only_what_is_large_is_compressed(size: int, codec: int) -> None:
    batch = RecordBatch([record(b"key", b"x" * size, [])], NOW)
    found: Any = MemoryRecords(batch._build()).next_batch()
    assert found.compression_type == codec
    assert [each.value for each in read(batch)] == [b"x" * size]


def test_a_batch_that_is_sent_again_is_the_same() -> None:
    batch = RecordBatch([record(b"key", b"value", [])], NOW)
    assert batch._build() is batch._build()


@pytest.mark.parametrize(
    ("sizes", "split"),
    [
        ([], []),
        ([40], [1]),
        ([40, 60], [2]),
        ([40, 61], [1, 1]),
        ([500], [1]),
        ([10, 500, 10], [1, 1, 1]),
        ([50, 50, 50, 50, 50], [2, 2, 1]),
        ([0] * 5_000, [4_096, 904]),
    ],
)
def test_records_go_into_few_batches_in_their_order(sizes: Sequence[int], split: list[int]) -> None:
    records = [(b"%d" % number).ljust(size)[:size] for number, size in enumerate(sizes)]
    batches = list(in_batches(records, NOW, 100))
    assert [len(batch.records) for batch in batches] == split
    assert [each for batch in batches for each in batch.records] == records


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, b"\0"),
        (-1, b"\1"),
        (1, b"\2"),
        (63, b"\x7e"),
        (64, b"\x80\1"),
        (300, b"\xd8\4"),
        (-(2**31), b"\xff" * 4 + b"\x0f"),
    ],
)
def test_numbers_take_as_few_bytes_as_they_can(number: int, encoded: bytes) -> None:
    assert varint(number) == encoded


def test_nothing_is_not_the_same_as_empty() -> None:
    assert sized(None) != sized(b"")
