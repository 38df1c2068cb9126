"""GCRA: what a limit lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.rate_limit import Ask, Bucket, Lease, RateLimit, RateLimits, lease

NOW = 1_764_000_000_000_000
S = 1_000_000


@pytest.mark.parametrize(
    ("text", "interval_us", "burst"),
    [
        ("100/s", 10_000, 100),
        ("1/s", S, 1),
        ("20/m", 3 * S, 20),
        ("3600/h", S, 3600),
        ("1/d", 86_400 * S, 1),
        ("3/s", 333_334, 3),
        ("100/s burst 10", 10_000, 10),
        (" 10/s burst 40 ", 100_000, 40),
    ],
)
def test_a_limit_is_written_as_a_count_per_period(text: str, interval_us: int, burst: int) -> None:
    assert RateLimit.parse(text) == RateLimit(interval_us, burst)


@pytest.mark.parametrize(
    "text", ["", "100", "100/w", "0/s", "-1/s", "1.5/s", "fast", "100/s burst 0", "100/s burst", "1/d burst 31"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 100/s|burst is at least 1"):
        RateLimit.parse(text)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", RateLimits()),
        ("100/s", RateLimits(RateLimit(10_000, 100))),
        ("provider 100/s burst 2,recipient 1/m", RateLimits(RateLimit(10_000, 2), recipient=RateLimit(60 * S, 1))),
        (" tenant 1/s , 2/s", RateLimits(RateLimit(S // 2, 2), RateLimit(S, 1))),
    ],
)
def test_a_channel_may_have_a_limit_of_each_kind(text: str, limits: RateLimits) -> None:
    assert RateLimits.parse(text) == limits


@pytest.mark.parametrize(
    ("text", "said"),
    [("recipient", "is not a limit"), ("1/s, provider 2/s", "two limits of a provider"), ("person 1/s", "not a limit")],
)
def test_limits_that_say_nothing_or_too_much_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RateLimits.parse(text)


def one(limit: str, key: str = "smtp") -> tuple[Bucket, ...]:
    return (Bucket(key, RateLimit.parse(limit)),)


@pytest.mark.parametrize(
    ("arrival", "wanted", "granted", "wait_us"),
    [
        (0, 3, 3, 0),
        (0, 5, 5, 0),
        (0, 9, 5, 200_000),  # five at once, the next a fifth of a second later
        (NOW, 5, 5, 0),
        (NOW + 200_000, 5, 4, 200_000),
        (NOW + 150_000, 5, 4, 150_000),
        (NOW + S, 1, 0, 200_000),
        (NOW + 950_000, 1, 0, 150_000),
        (NOW + 800_000, 1, 1, 0),
    ],
)
def test_a_bucket_gives_what_it_has_and_says_when_there_is_one_more(
    arrival: int, wanted: int, granted: int, wait_us: int
) -> None:
    _, [found] = lease({"smtp": arrival}, [Ask(one("5/s"), wanted)], NOW)
    assert found == Lease(granted, wait_us, 0 if wait_us else -1)


def test_all_buckets_of_an_ask_must_have_a_token_and_the_emptiest_decides() -> None:
    both = one("1/s", "acme") + one("1/m", "ada")
    changed, leases = lease({}, [Ask(both), Ask(both), Ask(one("1/s", "acme"))], NOW)
    assert leases == [Lease(1), Lease(0, 60 * S, 1), Lease(0, S, 0)]
    assert changed == {"acme": NOW + S, "ada": NOW + 60 * S}


def test_an_ask_without_buckets_is_granted() -> None:
    assert lease({}, [Ask((), 7)], NOW) == ({}, [Lease(7)])


def test_tokens_given_back_can_be_had_again_but_never_more_than_a_burst() -> None:
    arrivals, _ = lease({}, [Ask(one("5/s"), 5)], NOW)
    arrivals, _ = lease(arrivals, [Ask(one("5/s"), -2)], NOW)
    arrivals, [again] = lease(arrivals, [Ask(one("5/s"), 5)], NOW)
    assert again.granted == 2
    arrivals, _ = lease({}, [Ask(one("5/s"), -50)], NOW)
    _, [much] = lease(arrivals, [Ask(one("5/s"), 50)], NOW)
    assert much.granted == 5


@given(
    limit=st.builds(RateLimit, st.integers(1, 10_000), st.integers(1, 50)),
    steps=st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 60)), max_size=60),
)
def test_any_span_sees_at_most_a_burst_and_what_flows_in_meanwhile(
    limit: RateLimit, steps: list[tuple[int, int]]
) -> None:
    arrivals: dict[str, int] = {}
    now, given_at = NOW, list[int]()
    for passed, wanted in steps:
        now += passed
        changed, [found] = lease(arrivals, [Ask((Bucket("k", limit),), wanted)], now)
        arrivals |= changed
        given_at += [now] * found.granted
        assert found.granted == wanted or found.wait_us > 0
    for first, start in enumerate(given_at):
        for last in range(first, len(given_at)):
            assert last - first + 1 <= limit.burst + (given_at[last] - start) // limit.interval_us


@given(
    limit=st.builds(RateLimit, st.integers(1, 10_000), st.integers(1, 50)),
    arrival=st.integers(-100_000, 500_000),
    wanted=st.integers(1, 60),
)
def test_after_the_wait_there_is_a_token_and_not_a_moment_before(limit: RateLimit, arrival: int, wanted: int) -> None:
    at = min(NOW + arrival, NOW + limit.interval_us * limit.burst)
    ask = Ask((Bucket("k", limit),), wanted)
    changed, [found] = lease({"k": at}, [ask], NOW)
    if found.wait_us:
        assert lease(changed, [Ask(ask.buckets, 1)], NOW + found.wait_us)[1] == [Lease(1)]
        assert lease(changed, [Ask(ask.buckets, 1)], NOW + found.wait_us - 1)[1][0].granted == 0
