"""The retry schedule as data."""

from datetime import timedelta

import pytest

from streams.domain.retry_schedule import DEFAULT, InLane, RetrySchedule, Tier

SCHEDULE = RetrySchedule.parse("5s,30s,2m,1h")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def test_the_first_delay_is_waited_in_the_lane_the_others_have_a_topic_each() -> None:
    assert SCHEDULE.in_lane == seconds(5)
    assert SCHEDULE.tiers == (seconds(30), seconds(120), seconds(3600))


def test_the_default_can_be_read() -> None:
    assert len(RetrySchedule.parse(DEFAULT).tiers) == 5


@pytest.mark.parametrize("text", ["", "5s", "5", "5s,4s", "5s,5s", "5s,1d", "-5s,1m", "5 s,1m"])
def test_a_wrong_schedule_is_refused_with_a_word_on_what_is_right(text: str) -> None:
    with pytest.raises(ValueError, match="delay"):
        RetrySchedule.parse(text)


@pytest.mark.parametrize(
    ("failed", "jitter", "at_least", "expected"),
    [
        (1, 0.0, None, InLane(seconds(0))),
        (1, 0.5, None, InLane(seconds(2.5))),
        (2, 0.9, None, Tier(0, seconds(30))),
        (3, 0.0, None, Tier(1, seconds(120))),
        (4, 0.0, None, Tier(2, seconds(3600))),
        (5, 0.0, None, None),
        (1, 0.5, seconds(2.5), InLane(seconds(2.5))),
        (1, 0.5, seconds(3), InLane(seconds(3))),
        (1, 0.5, seconds(5), InLane(seconds(5))),
        (1, 0.5, seconds(6), Tier(0, seconds(30))),
        (1, 0.5, seconds(31), Tier(1, seconds(120))),
        (2, 0.5, seconds(1), Tier(0, seconds(30))),
        (3, 0.5, seconds(1), Tier(1, seconds(120))),
        (2, 0.5, seconds(7200), Tier(2, seconds(3600))),
        (5, 0.5, seconds(7200), None),
    ],
)
def test_what_follows_a_failure(
    failed: int, jitter: float, at_least: timedelta | None, expected: InLane | Tier | None
) -> None:
    assert SCHEDULE.after(failed, jitter, at_least) == expected


@pytest.mark.parametrize(("wait", "tier"), [(0, 0), (29, 0), (30, 0), (119, 0), (120, 1), (3599, 1), (3600, 2)])
def test_what_waits_for_a_limit_waits_among_those_that_wait_as_long(wait: float, tier: int) -> None:
    assert SCHEDULE.tier_for(seconds(wait)) == tier
