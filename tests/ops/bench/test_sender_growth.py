"""One small point of `tidings bench sender-growth`, on servers of its own."""

import pytest
from typer.testing import CliRunner

from ops.bench.sender.stretch import LEAST_BY_COMMITS
from ops.bench.sender_growth.growth import Cell, Growth, lines, measure_cell
from ops.commands.bench import app


@pytest.mark.timeout(200)
def test_a_point_with_parked_records_is_measured_from_start_to_commit() -> None:
    found = measure_cell(Cell("small", lanes=100, parked=2_000, partitions=2), LEAST_BY_COMMITS, lambda _: None)
    assert 0 < found.stretch.cpu_us < 10_000
    assert 0 < found.start_s < 60
    assert 20 < found.mib < 400
    growth = Growth({"parked": [found], "lanes": []})
    assert {each.metric for each in growth.figures()} == {
        "sender_growth_parked_cpu", "sender_start_s", "sender_parked_mib",
    }  # fmt: skip
    [row] = growth.rows()
    assert (row[0], row[2]) == ("small", "1.00")


def test_along_a_line_only_one_thing_grows_and_every_line_starts_alike() -> None:
    base = Cell("")
    for line in lines().values():
        for at, cell in enumerate(line):
            told = [getattr(cell, name) != getattr(base, name) for name in ("lanes", "parked", "partitions")]
            assert sum(told) == (at > 0)


def test_an_unknown_line_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["sender-growth", "--only", "lanes,speed"])
    assert result.exit_code == 2
    assert "partitions" in result.output
