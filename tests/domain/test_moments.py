"""Moments as text, held against the standard library."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.moments import iso

MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_000), timezones=st.just(UTC))


@given(MOMENTS)
def test_a_moment_is_told_to_the_millisecond(moment: datetime) -> None:
    time_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert iso(time_ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("time_ms", [10**15, -(10**15), 10**18, 10**30])
def test_a_moment_in_no_year_is_refused(time_ms: int) -> None:
    with pytest.raises(ValueError, match="in no year"):
        iso(time_ms)
