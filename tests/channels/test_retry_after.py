from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.retry_after import LONGEST, retry_after

NOW = 1_795_000_000.0  # Wed, 18 Nov 2026 11:06:40 GMT


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("999999999999999999999", LONGEST),
        ("Wed, 18 Nov 2026 11:08:40 GMT", timedelta(minutes=2)),
        ("Wednesday, 18-Nov-26 11:08:40 GMT", timedelta(minutes=2)),
        ("Wed Nov 18 11:08:40 2026", timedelta(minutes=2)),
        ("Wed, 18 Nov 2026 12:08:40 +0100", timedelta(minutes=2)),
        ("Wed, 18 Nov 2026 11:08:40 -0000", timedelta(minutes=2)),
        ("Wed, 18 Nov 2026 11:00:00 GMT", timedelta()),
        ("Wed, 18 Nov 2099 11:00:00 GMT", LONGEST),
        ("Wed, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read(value: str | None, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait


@settings(deadline=None)
@given(value=st.text() | st.integers().map(str) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+"))
def test_whatever_it_says_it_is_a_bounded_wait_or_none(value: str) -> None:
    wait = retry_after(value, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST
