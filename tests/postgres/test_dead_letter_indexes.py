"""With very many dead letters, a page and a batch are read off an index, and all of them can be counted in time."""

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import pytest_asyncio

from connectors.dead_letters.dead_letter import Cursor, DeadLetter, State
from connectors.dead_letters.ports import Batch
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = 200_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1000)
# one in 20,000 is rare in every respect; every tenth waits
FILL = """
insert into dead_letters (
    dead_letter_id, kind, reason, provider, notification_id, delivery_id, recipient_id, type, channel, tenant,
    origin_topic, origin_partition, origin_offset, dead_at, redriven_at
)
select
    '0-' || n, case when rare then 'poison' else 'permanent' end, '550 no such user',
    case when rare then 'b' else 'a' end, 'n' || n, 'd' || n, 'r' || mod(n, 1000),
    case when rare then 'seldom' else 'often' end, case when rare then 'webhook' else 'email' end,
    case when rare then 'acme' end, 'deliveries.email.low', 0, n,
    timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second', case when mod(n, 10) > 0 then now() end
from generate_series(1, %s) as n, lateral (select mod(n, 20000) = 0 as rare) as r
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(database: str) -> AsyncIterator[Pool]:
    """One connection to 200,000 dead letters."""
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FILL, [COUNT])
        connection.execute("vacuum analyze dead_letters")
    pool = Pool(database, "test", size=1)
    await pool.open()
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (DeadLetterFilter(), 50),
        (DeadLetterFilter(kind="poison"), 10),
        (DeadLetterFilter(type="seldom"), 10),
        (DeadLetterFilter(channel="webhook"), 10),
        (DeadLetterFilter(provider="b"), 10),
        (DeadLetterFilter(tenant="acme"), 10),
        (DeadLetterFilter(recipient_id="r7"), 50),
        (DeadLetterFilter(until=FIRST + timedelta(seconds=11)), 10),
        (DeadLetterFilter(since=FIRST + timedelta(seconds=100), until=FIRST + timedelta(seconds=110)), 10),
        (DeadLetterFilter(state=State.WAITING, kind="poison"), 10),
        (DeadLetterFilter(state=State.WAITING), 50),
        (DeadLetterFilter(state=State.REDRIVEN, kind="poison"), 0),
    ],
)
async def test_a_page_reads_few_rows_whatever_is_asked_for(pool: Pool, wanted: DeadLetterFilter, found: int) -> None:
    store = DeadLetterStore(pool)
    for _ in range(8):  # a statement that was prepared would get one plan for all values after a few times
        before = await rows_read(pool)
        page = await store.page(wanted, None, 50)
        assert len(page) == found
        assert await rows_read(pool) - before < 3_000


async def test_a_batch_deep_in_a_redrive_reads_few_rows(pool: Pool) -> None:
    taken: list[DeadLetter] = []

    async def nothing(letters: Sequence[DeadLetter]) -> list[str]:
        taken.extend(letters)
        return []

    deep = Cursor(FIRST + timedelta(seconds=150_000), "0-150000")
    before = await rows_read(pool)
    await DeadLetterStore(pool).redriven_many(Batch(DeadLetterFilter(channel="email"), deep, 20, NOW), nothing)
    assert [each.dead_letter_id for each in taken[:2]] == ["0-150010", "0-150020"]
    assert await rows_read(pool) - before < 3_000


async def test_all_of_them_are_counted_within_seconds(pool: Pool) -> None:
    began, before = time.monotonic(), await rows_read(pool)
    told = await DeadLetterStore(pool).stats(DeadLetterFilter(), NOW)
    assert (told.total, told.kind[1].count, told.state[1].count) == (COUNT, 10, COUNT // 10)
    assert time.monotonic() - began < 10
    assert await rows_read(pool) - before >= COUNT, "what is read is counted"


async def test_noting_a_batch_reads_each_that_waits_once_at_most_while_the_table_has_no_statistics(pool: Pool) -> None:
    """The last one here: what it notes waits no more."""

    async def all_go(letters: Sequence[DeadLetter]) -> list[str]:
        return [each.dead_letter_id for each in letters]

    await pool.rows("delete from pg_statistic where starelid = 'dead_letters'::regclass returning 1", {})
    before = await rows_read(pool)
    await DeadLetterStore(pool).redriven_many(Batch(DeadLetterFilter(channel="email"), None, 20, NOW), all_go)
    taken = noted = COUNT // 10
    assert await rows_read(pool) - before < taken + noted + 3_000


async def rows_read(pool: Pool) -> int:
    """Rows of the table that this connection and those before it fetched, by PostgreSQL's own count."""
    await pool.rows("select pg_stat_force_next_flush()", {})
    (row,) = await pool.rows(
        "select seq_tup_read + idx_tup_fetch as count from pg_stat_user_tables where relname = 'dead_letters'", {}
    )
    return int(row["count"])
