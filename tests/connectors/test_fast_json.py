"""What the sender reads a notification's data with, held against the standard library."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.fast_json import fast_json
from streams.domain.rendering import ReadJson, plain_json

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def told(read: object) -> str:
    """So that 1 and 1.0 and True are three things."""
    return repr(read)


def refusal(read: ReadJson, text: str) -> str | None:
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return None


@given(_VALUES, st.booleans())
def test_what_was_written_as_json_is_read_to_the_same_values(value: object, plain: bool) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    assert told(fast_json(text)) == told(plain_json(text))


ODD = ("-0", "-0.0", "18446744073709551616", "1E400", r'"\ud800"', '{"a": 1, "a": 2}', " {} ", "1e22", r'"\u0000"')


@pytest.mark.parametrize("text", ODD)
def test_what_is_odd_but_json_is_read_to_the_same_values(text: str) -> None:
    assert told(fast_json(text)) == told(plain_json(text))


@pytest.mark.parametrize("text", ["", "NaN", "[1,]", "{'a': 1}", "01", '{"a": 1}x', "\ufeff{}", '"\x01"', "Infinity"])
def test_what_is_not_json_is_refused_as_the_standard_library_does(text: str) -> None:
    assert refusal(fast_json, text) == refusal(plain_json, text) is not None


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(RecursionError):
        fast_json("[" * 100_000)
