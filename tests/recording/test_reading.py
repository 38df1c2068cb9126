"""Records read fast are what the codec reads, and what it refuses is refused in its words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.recording.reading import RecordReader
from schemas.codec import Codec, PoisonRecord
from tests.schemas.test_reader import SCHEMAS, values

CODEC = Codec()
READERS = {name: RecordReader(CODEC, name) for name in ("Decision", "DeliveryStatus")}
CASES = st.sampled_from([*READERS]).flatmap(lambda name: st.tuples(st.just(name), values(SCHEMAS[name], {})))


def told(read: Any, *given: object) -> object:
    """The value, or what is said instead."""
    try:
        return read(*given)
    except PoisonRecord as error:
        return str(error)


@given(CASES)
def test_a_record_is_read_as_the_codec_reads_it(case: tuple[str, dict[str, Any]]) -> None:
    name, value = case
    assert READERS[name].read(CODEC.encode(name, value)) == value


@given(CASES, st.data())
def test_mutated_bytes_are_read_or_refused_as_the_codec_does_it(
    case: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    name, value = case
    mutated = bytearray(CODEC.encode(name, value))
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    read, wanted = told(READERS[name].read, bytes(mutated)), told(CODEC.decode, name, bytes(mutated))
    assert read == wanted or repr(read) == repr(wanted)  # not a number is not even itself


@pytest.mark.parametrize("data", [None, b"", b"nonsense", CODEC.frame("Decision"), CODEC.frame("Preference")])
def test_what_is_no_record_is_refused_in_the_words_of_the_codec(data: bytes | None) -> None:
    with pytest.raises(PoisonRecord) as refused:
        READERS["Decision"].read(data)
    assert str(refused.value) == told(CODEC.decode, "Decision", data)
