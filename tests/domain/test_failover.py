"""In which order providers are tried."""

import pytest

from streams.domain.failover import Measured, in_order

UNKNOWN = Measured(0, 0)


@pytest.mark.parametrize(
    ("measured", "order"),
    [
        ([UNKNOWN], [0]),
        ([UNKNOWN, UNKNOWN, UNKNOWN], [0, 1, 2]),
        ([Measured(100, 0), Measured(100, 0)], [0, 1]),
        ([Measured(100, 24), Measured(100, 0)], [0, 1]),
        ([Measured(100, 25), Measured(100, 0)], [1, 0]),
        ([Measured(100, 0), Measured(100, 90)], [0, 1]),
        ([Measured(1000, 400), Measured(20, 3)], [1, 0]),
        ([Measured(1000, 400), Measured(19, 0)], [0, 1]),  # the other was not measured enough
        ([Measured(19, 19), Measured(1000, 0)], [0, 1]),
        ([Measured(100, 60), Measured(100, 30), Measured(100, 0)], [2, 1, 0]),
        ([Measured(100, 60), UNKNOWN, Measured(100, 0)], [0, 1, 2]),
        ([Measured(100, 40), Measured(100, 0), UNKNOWN], [1, 0, 2]),
    ],
)
def test_who_succeeds_far_less_often_than_the_next_goes_behind_it(measured: list[Measured], order: list[int]) -> None:
    assert in_order(measured) == order
