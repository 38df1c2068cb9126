"""What every store of dead letters promises (http.ports.KeptDeadLetters)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, replace

import psycopg
import pytest
from psycopg.types.json import Jsonb

from connectors.http.ports import Cursor, DeadLetterFilter
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.redrive import DeadLetter
from connectors.unavailable import Unavailable
from tests.http.api import NOW
from tests.http.dead import BEGIN, dead_letter

Store = DeadLettersInMemory | DeadLetterStore
Add = Callable[[DeadLetter], None]
ANY = DeadLetterFilter()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Store, Add]]:
    """A store without any, and a way to add one."""
    if request.param == "memory":
        memory = DeadLettersInMemory()
        yield memory, memory.add
        return
    dsn = request.getfixturevalue("database")
    migrate(dsn)
    pool = Pool(dsn, "test", seconds=20)
    await pool.open()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate dead_letters, deliveries")

        def add(dead: DeadLetter) -> None:
            row = {**asdict(dead), "headers": Jsonb(list(dead.headers))}
            names = ", ".join(row)
            connection.execute(
                f"insert into dead_letters ({names}) values ({', '.join(['%s'] * len(row))})", [*row.values()]
            )

        yield DeadLetterStore(pool), add
    await pool.close()


async def nothing(_: DeadLetter) -> None:
    """All is well."""


async def test_one_is_found_as_it_was_kept(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    assert await store.find("0-1") == dead_letter()
    assert await store.find("0-2") is None


async def test_pages_are_newest_first_and_follow_each_other(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (3, 1, 2):
        add(dead_letter(number))
    add(dead_letter(9, dead_at=dead_letter(2).dead_at))
    first = await store.page(ANY, None, 2)
    assert [each.dead_letter_id for each in first] == ["0-3", "0-9"]
    rest = await store.page(ANY, Cursor(first[-1].dead_at, first[-1].dead_letter_id), 10)
    assert [each.dead_letter_id for each in rest] == ["0-2", "0-1"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (DeadLetterFilter(channel="webhook"), ["0-2"]),
        (DeadLetterFilter(kind="poison"), ["0-3"]),
        (DeadLetterFilter(redriven=True), ["0-3"]),
        (DeadLetterFilter(redriven=False), ["0-2", "0-1"]),
        (DeadLetterFilter("email", "permanent", False), ["0-1"]),
        (DeadLetterFilter("email", "poison"), []),
    ],
)
async def test_pages_are_filtered(kept: tuple[Store, Add], wanted: DeadLetterFilter, ids: list[str]) -> None:
    store, add = kept
    add(dead_letter(1))
    add(dead_letter(2, channel="webhook", kind="exhausted"))
    add(dead_letter(3, channel=None, kind="poison", redriven_at=BEGIN))
    assert [each.dead_letter_id for each in await store.page(wanted, None, 10)] == ids


async def test_a_redrive_is_noted_when_its_work_is_done(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    assert await store.redriven("0-1", nothing, NOW) == dead_letter()
    noted = await store.find("0-1")
    assert noted is not None
    assert noted.redriven_at is not None
    assert int(noted.redriven_at.timestamp() * 1000) == NOW
    assert await store.redriven("0-7", nothing, NOW) is None


async def test_a_redrive_whose_work_fails_is_not_noted(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())

    async def fails(_: DeadLetter) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.redriven("0-1", fails, NOW)
    assert await store.find("0-1") == dead_letter()


async def test_kafka_away_in_the_work_does_not_make_the_store_seem_away(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())

    async def fails(_: DeadLetter) -> None:
        raise Unavailable("Kafka")

    with pytest.raises(Unavailable, match="Kafka"):
        await store.redriven("0-1", fails, NOW)
    assert await store.find("0-1") == dead_letter()


async def test_two_redrives_of_one_follow_each_other_and_the_second_sees_the_first(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    seen: list[DeadLetter] = []
    inside = 0

    async def work(dead: DeadLetter) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        seen.append(dead)
        await asyncio.sleep(0.02)
        inside -= 1

    both: list[Awaitable[DeadLetter | None]] = [store.redriven("0-1", work, NOW) for _ in range(2)]
    await asyncio.gather(*both)
    first, second = seen
    assert first.redriven_at is None
    assert second.redriven_at is not None
    assert replace(second, redriven_at=None) == replace(first, redrives=first.redrives + 1), "a number of its own"
