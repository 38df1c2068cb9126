"""The table joins and is never written through Faust."""

import pytest
from faust.types import TP

from streams.engine.application import Application, EnginePolicy
from streams.engine.table import CompactedTable


class Ended(Exception):
    """What a process end looks like here."""


def ended(error: BaseException) -> None:
    raise Ended(str(error))


@pytest.fixture
async def app() -> Application:
    app = Application(EnginePolicy("127.0.0.1:1", "one", "a-group"), ended)  # type: ignore[arg-type]
    app.batches_of("events.high", "events.low")
    return app


@pytest.fixture
async def table(app: Application) -> CompactedTable:
    table: CompactedTable = app.tables.add(CompactedTable(app, name="preferences", topic="wishes"))
    return table


async def test_every_way_of_writing_it_is_refused(table: CompactedTable) -> None:
    for write in (
        lambda: table.__setitem__(b"key", b"value"),
        lambda: table.__delitem__(b"key"),
        lambda: table.update({b"key": b"value"}),
        table.clear,
        lambda: table.send_changelog(0, b"key", b"value"),
        lambda: table.data.__setitem__(b"key", b"value"),
    ):
        with pytest.raises(TypeError, match="table 'preferences' is read-only: write to topic 'wishes'"):
            write()


async def test_its_topic_is_the_one_that_others_write(table: CompactedTable) -> None:
    assert table.changelog_topic_name == "wishes"
    assert "wishes" in table.app.tables.changelog_topics


@pytest.mark.parametrize(
    "given",
    [
        {("events.high", 0), ("events.low", 0)},
        {("events.high", 0), ("events.low", 0), ("wishes", 1)},
        {("events.high", 0), ("wishes", 0)},
        {("events.high", 0), ("events.low", 0), ("wishes", 0), ("wishes", 1)},
    ],
)
async def test_a_process_does_not_run_with_a_part_of_what_belongs_together(
    table: CompactedTable, given: set[tuple[str, int]]
) -> None:
    with pytest.raises(Ended, match="can no longer be followed together"):
        await table.data.on_rebalance({TP(*tp) for tp in given}, set(), set())
