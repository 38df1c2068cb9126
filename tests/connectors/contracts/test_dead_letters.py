"""What every store of dead letters promises (http.ports.KeptDeadLetters)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from connectors.dead_letters.dead_letter import Cursor, DeadLetter, State
from connectors.dead_letters.ports import Batch, Drop
from connectors.dead_letters.stats import Count, summed_up
from connectors.dead_letters.wanted import DeadLetterFilter, fits
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.unavailable import Unavailable
from tests.http.api import NOW
from tests.http.dead import BEGIN, dead_letter

Store = DeadLettersInMemory | DeadLetterStore
Add = Callable[[DeadLetter], None]
ANY = DeadLetterFilter()
MOMENT = datetime.fromtimestamp(NOW / 1000, UTC)


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


MANY = [
    dead_letter(1),
    dead_letter(2, channel="webhook", kind="exhausted", provider="webhook", type="password.reset"),
    dead_letter(
        3, channel=None, kind="poison", delivery_id=None, redriven_at=BEGIN, reason="100 % odd_bytes", type=None
    ),
    dead_letter(4, recipient_id="Ada", tenant="acme", dropped_at=BEGIN, drop_reason="sent by hand"),
    dead_letter(5, recipient_id="bob", expires_at=BEGIN, provider=None, dropped_at=BEGIN, redriven_at=BEGIN),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (ANY, [5, 4, 3, 2, 1]),
        (DeadLetterFilter(channel="webhook"), [2]),
        (DeadLetterFilter(kind="poison"), [3]),
        (DeadLetterFilter(type="password.reset"), [2]),
        (DeadLetterFilter(provider="smtp"), [4, 3, 1]),
        (DeadLetterFilter(recipient_id="ada"), [3, 2, 1]),
        (DeadLetterFilter(tenant="acme"), [4]),
        (DeadLetterFilter(reason="550 NO"), [5, 4, 2, 1]),
        (DeadLetterFilter(reason="%"), [3]),
        (DeadLetterFilter(reason="d_b"), [3]),
        (DeadLetterFilter(reason="x_y"), []),
        (DeadLetterFilter(since=dead_letter(2).dead_at, until=dead_letter(4).dead_at), [3, 2]),
        (DeadLetterFilter(state=State.WAITING), [2, 1]),
        (DeadLetterFilter(state=State.REDRIVEN), [3]),
        (DeadLetterFilter(state=State.DROPPED), [5, 4]),
        (DeadLetterFilter("permanent", channel="email", state=State.WAITING), [1]),
        (DeadLetterFilter("poison", channel="email"), []),
    ],
)
async def test_what_a_filter_means(kept: tuple[Store, Add], wanted: DeadLetterFilter, ids: list[int]) -> None:
    store, add = kept
    for each in MANY:
        add(each)
    letters = [each for each in reversed(MANY) if each.dead_letter_id in {f"0-{number}" for number in ids}]
    page = await store.page(wanted, None, 10)
    assert [each.dead_letter_id for each in page] == [f"0-{number}" for number in ids]
    assert [each.state for each in page] == [each.state for each in letters]
    assert await store.letters(wanted, None, 10) == letters
    assert await store.letters(wanted, None, 1) == letters[:1]
    assert [each for each in reversed(MANY) if fits(each, wanted)] == letters, "the reference says the same"
    assert await store.stats(wanted, NOW) == summed_up(letters, MOMENT)


async def test_they_are_counted_by_what_they_are(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for each in MANY:
        add(each)
    told = await store.stats(ANY, NOW)
    assert (told.total, told.expired, told.oldest, told.newest) == (5, 1, MANY[0].dead_at, MANY[4].dead_at)
    assert told.state == [Count("dropped", 2), Count("waiting", 2), Count("redriven", 1)]
    assert told.type == [Count("order.shipped", 3), Count(None, 1), Count("password.reset", 1)]
    assert told.reason == [Count("550 no such user", 4), Count("100 % odd_bytes", 1)]


async def test_of_many_values_the_most_frequent_are_told(kept: tuple[Store, Add]) -> None:
    store, add = kept
    letters = [dead_letter(number, reason=f"reason {number % 30:02}") for number in range(40)]
    for each in letters:
        add(each)
    told = await store.stats(ANY, NOW)
    assert told == summed_up(letters, MOMENT)
    assert told.reason[:2] == [Count("reason 00", 2), Count("reason 01", 2)]
    assert len(told.reason) == 20


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


def batch(limit: int = 10, after: DeadLetter | None = None, **wanted: Any) -> Batch:
    cursor = Cursor(after.dead_at, after.dead_letter_id) if after else None
    return Batch(DeadLetterFilter(**wanted), cursor, limit, NOW)


async def all_of(letters: Sequence[DeadLetter]) -> list[str]:
    return [each.dead_letter_id for each in letters]


async def test_many_are_taken_oldest_first_and_only_those_that_wait_and_have_not_expired(
    kept: tuple[Store, Add],
) -> None:
    store, add = kept
    waiting = [
        dead_letter(number, delivery_id=f"d{number}", expires_at=None if number % 2 else MOMENT + timedelta(seconds=1))
        for number in (7, 1, 5, 6)
    ]
    for each in waiting:
        add(each)
    add(dead_letter(2, delivery_id="a", redriven_at=BEGIN))
    add(dead_letter(3, delivery_id="b", dropped_at=BEGIN))
    add(dead_letter(4, delivery_id="c", expires_at=MOMENT))
    add(dead_letter(8, delivery_id="e", channel="webhook"))
    first = await store.redriven_many(batch(2, channel="email"), all_of)
    assert [each.dead_letter_id for each in first] == ["0-1", "0-5"]
    rest = await store.redriven_many(batch(channel="email"), all_of)
    assert [each.dead_letter_id for each in rest] == ["0-6", "0-7"]
    assert await store.redriven_many(batch(channel="email"), all_of) == []
    found = await store.find("0-7")
    assert found is not None
    assert (found.state, found.redriven_at) == (State.REDRIVEN, MOMENT)


async def test_only_those_that_went_back_are_noted_and_a_cursor_leads_past_the_others(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (1, 2, 3):
        add(dead_letter(number, delivery_id=f"d{number}"))

    async def all_but_the_second(letters: Sequence[DeadLetter]) -> list[str]:
        return [each.dead_letter_id for each in letters if each.dead_letter_id != "0-2"]

    taken = await store.redriven_many(batch(), all_but_the_second)
    assert len(taken) == 3
    assert await store.redriven_many(batch(after=taken[-1]), all_of) == []
    assert [each.dead_letter_id for each in await store.redriven_many(batch(), all_of)] == ["0-2"]


async def test_when_the_work_on_many_breaks_all_of_them_wait_as_before(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))

    async def breaks(_: Sequence[DeadLetter]) -> list[str]:
        raise LookupError

    with pytest.raises(LookupError):
        await store.redriven_many(batch(), breaks)
    assert await store.find("0-1") == dead_letter(1)


async def test_two_that_redrive_many_at_once_never_take_the_same(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in range(20):
        add(dead_letter(number, delivery_id=f"d{number}"))
    taken: list[str] = []

    async def slowly(letters: Sequence[DeadLetter]) -> list[str]:
        await asyncio.sleep(0.02)
        taken.extend(each.dead_letter_id for each in letters)
        return [each.dead_letter_id for each in letters]

    async def until_none_is_left() -> None:
        while await store.redriven_many(batch(3), slowly):
            pass

    await asyncio.gather(until_none_is_left(), until_none_is_left())
    assert sorted(taken) == sorted(f"0-{number}" for number in range(20))


async def test_a_copy_of_what_is_redriven_does_not_wait_any_longer(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1, redrives=1))
    add(dead_letter(2, redrives=1))
    add(dead_letter(3, redrives=2))  # it died again after a redrive: a dead letter of its own
    add(dead_letter(4, redrives=1, delivery_id=None))
    await store.redriven("0-1", nothing, NOW)
    waiting = await store.page(DeadLetterFilter(state=State.WAITING), None, 10)
    assert [each.dead_letter_id for each in waiting] == ["0-4", "0-3"]


async def test_a_dropped_one_keeps_what_it_was_and_why_but_not_its_record(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))
    assert await store.dropped("0-1", nothing, "sent by hand", NOW) == dead_letter(1)
    forgotten: dict[str, Any] = {"key": None, "value": None, "headers": []}
    assert await store.find("0-1") == dead_letter(1, dropped_at=MOMENT, drop_reason="sent by hand", **forgotten)
    assert await store.dropped("0-9", nothing, "why", NOW) is None


async def test_a_drop_that_is_refused_leaves_it_as_it_was(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))

    async def refuses(_: DeadLetter) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.dropped("0-1", refuses, "why", NOW)
    assert await store.find("0-1") == dead_letter(1)


async def test_many_are_dropped_oldest_first_and_only_those_that_wait(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (3, 1, 2):
        add(dead_letter(number, expires_at=BEGIN))
    add(dead_letter(4, channel="webhook"))
    add(dead_letter(5, redriven_at=BEGIN))
    email = DeadLetterFilter(channel="email")
    assert await store.dropped_many(Drop(email, "expired long ago", 2, NOW)) == 2
    assert await store.dropped_many(Drop(email, "the rest", 10, NOW)) == 1
    assert await store.dropped_many(Drop(email, "none is left", 10, NOW)) == 0
    told = {each.dead_letter_id: (each.state, each.drop_reason) for each in await store.page(ANY, None, 10)}
    assert told == {
        "0-1": ("dropped", "expired long ago"),
        "0-2": ("dropped", "expired long ago"),
        "0-3": ("dropped", "the rest"),
        "0-4": ("waiting", None),
        "0-5": ("redriven", None),
    }
