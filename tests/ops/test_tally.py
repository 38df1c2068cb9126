"""Tallies look like the counters and histograms of the client library."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ops.telemetry.tally import TallyCounter, TallyHistogram

BUCKETS = (0.0625, 0.5, 1.0, 60.0)
OBSERVED = st.lists(
    st.tuples(
        st.sampled_from(["high", "low"]), st.sampled_from([0.0, 0.0625, 0.25, 1.0, 7.25, 100.0]), st.integers(1, 4)
    )
)


@given(OBSERVED)
def test_a_scraper_cannot_tell_it_from_the_librarys(observed: list[tuple[str, float, int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = TallyHistogram("lag_seconds", "Lag.", ["priority"], BUCKETS, ours)
    library = Histogram("lag_seconds", "Lag.", ["priority"], buckets=BUCKETS, registry=theirs)
    for priority, amount, times in observed:
        tally.of(priority)(amount, times)
        for _ in range(times):
            library.labels(priority).observe(amount)
    assert seen(ours) == seen(theirs)


@given(OBSERVED)
def test_nor_can_it_tell_those_of_several_labels(observed: list[tuple[str, float, int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = TallyHistogram("lag_seconds", "Lag.", ("priority", "times"), BUCKETS, ours)
    counted = TallyCounter("calls", "Calls.", ("priority", "times"), ours)
    library = Histogram("lag_seconds", "Lag.", ["priority", "times"], buckets=BUCKETS, registry=theirs)
    counter = Counter("calls", "Calls.", ["priority", "times"], registry=theirs)
    for priority, amount, times in observed:
        tally.of(priority, str(times))(amount, 1)
        counted.of(priority, str(times))()
        library.labels(priority, str(times)).observe(amount)
        counter.labels(priority, str(times)).inc()
    assert seen(ours) == seen(theirs)


def seen(registry: CollectorRegistry) -> set[str]:
    """The lines of a scrape, without the times at which series began."""
    return {line for line in generate_latest(registry).decode().splitlines() if "_created" not in line}
