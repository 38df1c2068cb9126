"""Who waits in retry topics: the compact form says the same as the plain one."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.lanes import Lane
from connectors.delivery.parked import Parked, Waiting

LANES: st.SearchStrategy[Lane] = st.tuples(st.sampled_from([b"", b"ann", b"bob"]), st.integers(0, 2))
ORIGINS = st.integers(0, 4) | st.sampled_from([2**40, 2**63 - 1])
WAITING = st.builds(Waiting, st.integers(0, 255), st.integers(0, 4) | st.just(10**18 - 1))
STEPS = st.lists(st.tuples(LANES, ORIGINS, st.none() | WAITING), max_size=30)


@given(STEPS, LANES, ORIGINS)
def test_it_knows_what_a_plain_table_knows(
    steps: list[tuple[Lane, int, Waiting | None]], lane: Lane, origin: int
) -> None:
    parked, table = Parked(), dict[tuple[Lane, int], Waiting]()
    for at, number, waiting in steps:
        if waiting is None:
            parked.end(at, number)
            table.pop((at, number), None)
        else:
            parked.put(at, number, waiting)
            table[at, number] = waiting
    assert parked.waiting == len(table)
    assert len(parked) == len({at for at, _ in table})
    for at, number in [*table, (lane, origin)]:
        assert parked.find(at, number) == table.get((at, number))
        older = [each for there, each in table if there == at and each < number]
        assert parked.ahead_of(at, number) == (table[at, max(older)] if older else None)


def test_a_lane_with_one_that_waits_is_its_key_and_one_number() -> None:
    parked = Parked()
    for number in range(10_000):
        parked.put((b"user-%07d" % number, 1), 1_000_000 + number, Waiting(2, 1_795_500_203_465))
    [_, normal, _] = parked._lanes
    size = sys.getsizeof(normal) + sum(sys.getsizeof(key) + sys.getsizeof(value) for key, value in normal.items())
    assert size / 10_000 < 150
