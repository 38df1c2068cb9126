"""Points along lines: measured one by one, compared with the first, bounded in time."""

import time
from typing import NamedTuple

import pytest

from ops.bench.growing import Lines, chosen_of, worst


class Size(NamedTuple):
    """A point that costs what it is large."""

    name: str
    cost: float


LINES = {"lanes": [Size("1", 2.0), Size("10", 3.0), Size("100", 2.5)], "parked": [Size("none", 1.0)]}


def cost(size: Size) -> float:
    if size.cost > 2.9:
        raise RuntimeError("it ended")
    return size.cost


def test_a_point_that_fails_is_told_and_the_others_are_measured() -> None:
    said: list[str] = []
    lines: Lines[float] = Lines()
    lines.measure(LINES, cost, said.append, 3_600)
    assert lines.lines == {"lanes": [2.0, 2.5], "parked": [1.0]}
    assert lines.failures == ["10: it ended"]
    assert said == ["lanes, 1 of 3: 1", "lanes, 2 of 3: 10", "lanes, 3 of 3: 100", "parked, 1 of 1: none"]


def test_when_time_is_over_no_point_is_begun_and_each_is_told() -> None:
    lines: Lines[float] = Lines({"lanes": []})
    lines.take("lanes", LINES["lanes"], cost, print, time.monotonic() - 1)
    assert lines.lines == {"lanes": []}
    assert lines.failures == [f"{name}: no time was left for it" for name in ("1", "10", "100")]


def test_each_is_compared_with_the_first_of_its_line_and_a_line_without_any_is_left_out() -> None:
    lines = Lines({"lanes": [2.0, 2.5], "parked": [1.0], "partitions": []})
    assert lines.rows_of(lambda each, first: (f"{each / first:.2f}",)) == [("1.00",), ("1.25",), ("1.00",)]
    assert [name for name, _ in lines.measured()] == ["lanes", "parked"]


def test_the_worst_is_told_as_a_multiple_of_the_first() -> None:
    assert worst([2.0, 5.0, 3.0], lambda value: value) == pytest.approx(2.5)


def test_the_chosen_lines_keep_their_own_order() -> None:
    assert list(chosen_of(LINES, ["parked", "lanes"])) == ["lanes", "parked"]
