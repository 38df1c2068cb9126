"""Claims that are made in one place and copied to another: the scripts and the SQL do what the written rules say."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from redis.asyncio import Redis

from connectors.memory.claims import ClaimsInMemory
from connectors.postgres.claims import PostgresClaims
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.redis.claims import MEMORY, PREFIX, RedisClaims
from ops.devstack import Endpoints
from streams.domain.claim_marks import (
    AMBIGUOUS,
    DROPPED,
    KEPT,
    NEW,
    RELEASED,
    UNSURE,
    Left,
    Untold,
    dead_mark,
    mark_before,
    sent_mark,
)
from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind, Ended

ME, OTHER = b"p1.1", b"p2.1"
SENT = sent_mark(Status.SENT, 1)
TO_BURY = mark_before(Untold(Ended(Status.DEAD_LETTERED, 2, "550", dead_letter=DeadLetterKind.PERMANENT), "smtp"))
MARKS = (RELEASED, RELEASED, RELEASED, SENT, TO_BURY, dead_mark(2), DROPPED)
OLD_MS = 1_000  # so long ago what is adopted here was written


@pytest.fixture
async def redis(servers: Endpoints) -> AsyncIterator[RedisClaims]:
    made = RedisClaims.at(servers.redis_url)
    yield made
    await made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    migrate(database)
    made = Pool(database, "test", seconds=20)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def stand_in(pool: Pool) -> PostgresClaims:
    return PostgresClaims(pool, elsewhere=True)


@pytest.fixture
def key() -> bytes:
    return f"{uuid.uuid4()}:0".encode()


def some_keys(count: int) -> list[bytes]:
    return sorted(f"{uuid.uuid4()}:0".encode() for _ in range(count))


async def all_left(claims: PostgresClaims | ClaimsInMemory) -> dict[bytes, bytes]:
    """Read in small steps, each key once and in order."""
    found: list[Left] = []
    while rows := await claims.left(found[-1].key if found else b"", 7):
        found += rows
    assert [row.key for row in found] == sorted({row.key for row in found})
    return {row.key: row.value for row in found}


@pytest.mark.parametrize("seed", range(4))
async def test_redis_does_what_the_rules_say(redis: RedisClaims, servers: Endpoints, seed: int) -> None:
    """Ages of what is adopted are far from those here, so that no clock decides."""
    model, chance, keys = ClaimsInMemory(), random.Random(seed), some_keys(6)
    for _ in range(120):
        key, owner = chance.choice(keys), chance.choice((ME, OTHER))
        match chance.randrange(3):
            case 0:
                assert await redis.claim(owner, [key]) == await model.claim(owner, [key])
            case 1:
                mark = [(key, chance.choice(MARKS))]
                await redis.mark(owner, mark)
                await model.mark(owner, mark)
            case _:
                value = chance.choice((b"c", b"a", b"u", b"r")) + chance.choice((owner, owner, b""))
                value = chance.choice((value, value, value, TO_BURY))
                left = [Left(key, value if value != b"c" else SENT, chance.choice((-OLD_MS, 600_000)))]
                await redis.adopt(left)
                await model.adopt(left)
    client = Redis.from_url(servers.redis_url)
    found = await client.mget([PREFIX + key for key in keys])
    await client.aclose()
    assert {key: value for key, value in zip(keys, found, strict=True) if value} == model.values


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("seed", range(3))
async def test_postgresql_does_what_the_rules_say(pool: Pool, seed: int, elsewhere: bool) -> None:
    claims, model = PostgresClaims(pool, elsewhere=elsewhere), ClaimsInMemory(elsewhere=elsewhere)
    chance, keys = random.Random(seed), some_keys(8)
    for _ in range(120):
        some, owner = chance.sample(keys, 3), chance.choice((ME, OTHER))
        if chance.random() < 0.5:
            assert await claims.claim(owner, some) == await model.claim(owner, some)
        else:
            marks = [(key, chance.choice(MARKS)) for key in some]
            await claims.mark(owner, marks)
            await model.mark(owner, marks)
    found = {key: value for key, value in (await all_left(claims)).items() if key in keys}
    if not elsewhere:  # a claim that was given back, of which there was none: no claim says the same
        found = {key: value for key, value in found.items() if value != RELEASED or key in model.values}
    assert found == model.values


async def test_a_key_that_nobody_knows_here_is_unsure_until_it_is_known(stand_in: PostgresClaims, key: bytes) -> None:
    assert await stand_in.claim(ME, [key, key]) == [UNSURE, UNSURE]
    await stand_in.mark(ME, [(key, RELEASED)])
    assert await stand_in.claim(OTHER, [key]) == [UNSURE]
    assert await stand_in.claim(ME, [key]) == [AMBIGUOUS]


async def test_a_claim_given_back_that_was_made_in_redis_is_new_here(stand_in: PostgresClaims, key: bytes) -> None:
    await stand_in.mark(OTHER, [(key, RELEASED)])
    assert await stand_in.claim(ME, [key]) == [NEW]


async def test_of_two_marks_for_one_key_in_a_batch_an_end_counts(stand_in: PostgresClaims, key: bytes) -> None:
    await stand_in.mark(ME, [(key, RELEASED), (key, SENT), (key, RELEASED)])
    assert await stand_in.claim(ME, [key]) == [SENT]


@pytest.mark.parametrize(
    ("status", "redrives", "dead", "told"),
    [
        ("sent", 1, None, b"s3"),
        ("bounced", 1, None, b"s3"),
        ("delivered", 1, None, b"s3d"),
        ("suppressed", 1, None, b"x"),
        ("expired", 1, None, b"x"),
        ("dead_lettered", 1, 1, b"d3"),
        ("unknown", 1, 1, b"d3"),
        ("queued", 2, None, b"d0"),
        ("dead_lettered", 1, None, UNSURE),
        ("dead_lettered", 1, 0, UNSURE),
        ("retrying", 1, None, UNSURE),
        ("dead_lettered", 0, 0, UNSURE),
        ("sent", 0, None, UNSURE),
    ],
)
async def test_an_end_that_the_recorder_keeps_counts_as_one_that_was_marked(
    stand_in: PostgresClaims, database: str, status: str, redrives: int, dead: int | None, told: int | bytes
) -> None:
    """A dead letter only when it is kept itself: a process can die between its status and the dead letter."""
    delivery_id = str(uuid.uuid4())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into deliveries (delivery_id, notification_id, recipient_id, channel, status, progress, attempt,"
            " redrives, updated_at) values (%s, 'n', 'ada', 'email', %s, 1, 3, %s, now())",
            (delivery_id, status, redrives),
        )
        if dead is not None:
            connection.execute(
                "insert into dead_letters (dead_letter_id, kind, reason, delivery_id, redrives, origin_topic,"
                " origin_partition, origin_offset, dead_at) values (%s, 'exhausted', 'r', %s, %s, 't', 0, 0, now())",
                (delivery_id, delivery_id, dead),
            )
    key = f"{delivery_id}:1".encode()
    assert await stand_in.claim(ME, [key]) == [told]
    assert await stand_in.claim(ME, [key]) == [told]
    assert (key in await all_left(stand_in)) == (told == UNSURE), "what has ended leaves no row"


async def test_rows_that_changed_and_what_is_over_since_a_moment_are_not_forgotten(
    stand_in: PostgresClaims, database: str
) -> None:
    changed, ended, to_bury, old, open_ = keys = some_keys(5)
    await stand_in.claim(ME, keys)
    await stand_in.mark(ME, [(ended, SENT), (to_bury, TO_BURY), (old, SENT)])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update delivery_claims set written_at = now() - interval '1 minute' where key = %s", (old,))
    rows = [row for row in [*await stand_in.left(b"", 1_000)] if row.key in keys]
    ages = {row.key: row.age_ms for row in rows}
    assert 60_000 <= ages[old] < 90_000
    assert 0 <= ages[ended] < 30_000
    await stand_in.mark(ME, [(changed, DROPPED)])
    await stand_in.forget(rows)
    assert {key: value for key, value in (await all_left(stand_in)).items() if key in keys} == {
        changed: DROPPED,
        ended: SENT,
        to_bury: TO_BURY,
    }
    assert open_ not in await all_left(stand_in)


async def test_what_is_adopted_is_kept_as_long_as_any_claim(redis: RedisClaims, servers: Endpoints, key: bytes) -> None:
    await redis.adopt([Left(key, SENT, 5), *(Left(other, b"c" + ME, 5) for other in some_keys(1_500))])
    client = Redis.from_url(servers.redis_url)
    assert KEPT - timedelta(minutes=1) < timedelta(milliseconds=await client.pttl(PREFIX + key)) <= KEPT
    await client.aclose()
    assert await redis.claim(OTHER, [key]) == [SENT]


async def test_a_redis_that_forgot_everything_has_another_name(redis: RedisClaims, servers: Endpoints) -> None:
    before = await redis.memory()
    assert await redis.memory() == before
    client = Redis.from_url(servers.redis_url)
    await client.delete(MEMORY)
    await client.aclose()
    assert await redis.memory() not in (before, b"")
    memory = ClaimsInMemory()
    before = await memory.memory()
    memory.empty()
    assert await memory.memory() != before


async def test_every_call_tells_whether_redis_has_forgotten_everything(
    redis: RedisClaims, servers: Endpoints, key: bytes
) -> None:
    def seen() -> bytes | None:
        return redis.seen

    name = await redis.memory()
    assert await redis.claim(ME, [key, *some_keys(1_500)]) == [NEW] * 1_501
    assert seen() == name
    client = Redis.from_url(servers.redis_url)
    await client.delete(MEMORY)
    await redis.mark(ME, [(key, SENT)])
    assert seen() is None
    another = await redis.memory()
    assert seen() == another != name
    assert await redis.claim(ME, [key]) == [SENT]
    await client.delete(MEMORY)
    await client.aclose()
    assert await redis.claim(ME, [key]) == [SENT]
    assert seen() is None


async def test_two_batches_with_the_same_keys_do_not_wait_for_each_other(stand_in: PostgresClaims) -> None:
    """A deadlock would end one of them with an error, after a second."""
    keys = some_keys(400)
    began = time.monotonic()
    batches = [random.Random(n).sample(keys, 400) for n in range(8)]
    await asyncio.gather(*(stand_in.claim(b"p%d" % n, batch) for n, batch in enumerate(batches)))
    rows = random.Random(9).sample([Left(key, b"a" + b"p%d" % n, 0) for key in keys for n in range(8)], 3_200)
    await asyncio.gather(
        *(stand_in.forget(rows[place : place + 800]) for place in range(0, 3_200, 800)),
        *(stand_in.mark(b"p%d" % n, [(key, SENT) for key in batch]) for n, batch in enumerate(batches)),
    )
    assert set(await stand_in.claim(ME, keys)) == {SENT}
    assert time.monotonic() - began < 20
