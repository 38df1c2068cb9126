"""What every form of the port Claims promises."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from connectors.memory.claims import ClaimsInMemory
from connectors.postgres.claims import PostgresClaims
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.redis.claims import RedisClaims
from connectors.unavailable import Unavailable
from streams.domain.claim_marks import AMBIGUOUS, DROPPED, NEW, RELEASED, Untold, dead_mark, mark_before, sent_mark
from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind, Ended

Claims = ClaimsInMemory | RedisClaims | PostgresClaims
Open = Callable[[timedelta], Claims]

ME, OTHER = b"p1.1", b"p2.1"
SENT = sent_mark(Status.SENT, 3)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.servers),
        pytest.param("postgres", marks=pytest.mark.servers),
    ]
)
async def open_claims(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Opens claims with a time to live."""
    opened: list[Claims] = []
    pool: Pool | None = None
    if request.param == "postgres":
        dsn = request.getfixturevalue("database")
        migrate(dsn)
        pool = Pool(dsn, "test", seconds=20)
        await pool.open()

    def open_one(ttl: timedelta) -> Claims:
        if pool is not None:
            opened.append(PostgresClaims(pool, ttl))
        elif request.param == "memory":
            opened.append(ClaimsInMemory(ttl))
        else:
            opened.append(RedisClaims.at(request.getfixturevalue("servers").redis_url, ttl))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.close()
    if pool is not None:
        await pool.close()


@pytest.fixture
def claims(open_claims: Open) -> Claims:
    return open_claims(timedelta(minutes=1))


@pytest.fixture
def key() -> bytes:
    """Of a delivery nobody has seen yet."""
    return f"{uuid.uuid4()}:0".encode()


async def test_a_delivery_nobody_claimed_is_new_also_when_its_owner_asks_again(claims: Claims, key: bytes) -> None:
    assert await claims.claim(ME, [key]) == [NEW]
    assert await claims.claim(ME, [key]) == [NEW]


async def test_a_claim_of_somebody_else_is_ambiguous_and_stays_so_when_asked_again(claims: Claims, key: bytes) -> None:
    await claims.claim(OTHER, [key])
    assert await claims.claim(ME, [key]) == [AMBIGUOUS]
    assert await claims.claim(ME, [key]) == [AMBIGUOUS]


async def test_a_claim_that_was_given_back_is_new_for_anybody(claims: Claims, key: bytes) -> None:
    await claims.claim(OTHER, [key])
    await claims.mark(OTHER, [(key, RELEASED)])
    assert await claims.claim(ME, [key]) == [NEW]


async def test_an_ambiguous_claim_that_was_given_back_is_still_ambiguous(claims: Claims, key: bytes) -> None:
    await claims.claim(OTHER, [key])
    await claims.claim(ME, [key])
    await claims.mark(ME, [(key, RELEASED)])
    assert await claims.claim(ME, [key]) == [AMBIGUOUS]


async def test_nobody_gives_back_the_claim_of_another(claims: Claims, key: bytes) -> None:
    await claims.claim(OTHER, [key])
    await claims.mark(ME, [(key, RELEASED)])
    assert await claims.claim(ME, [key]) == [AMBIGUOUS]


NO_ADDRESS = mark_before(Untold(Ended(Status.SUPPRESSED, 2, "no_address", "system")))
REFUSED = mark_before(
    Untold(Ended(Status.DEAD_LETTERED, 2, "550", dead_letter=DeadLetterKind.PERMANENT), "smtp", "ab12")
)


@pytest.mark.parametrize("end", [SENT, sent_mark(Status.DELIVERED, 1), dead_mark(7), DROPPED, NO_ADDRESS])
async def test_an_end_is_told_to_whoever_asks_and_is_never_overwritten(claims: Claims, key: bytes, end: bytes) -> None:
    await claims.claim(ME, [key])
    await claims.mark(ME, [(key, end)])
    for later in (RELEASED, b"s9", b"d9", DROPPED):
        await claims.mark(OTHER, [(key, later)])
        await claims.mark(ME, [(key, later)])
    assert await claims.claim(OTHER, [key]) == [end]
    assert await claims.claim(ME, [key]) == [end]


async def test_what_is_to_be_a_dead_letter_is_told_to_whoever_asks_and_any_end_follows(
    claims: Claims, key: bytes
) -> None:
    await claims.claim(ME, [key])
    await claims.mark(ME, [(key, REFUSED)])
    await claims.mark(ME, [(key, RELEASED)])
    assert await claims.claim(OTHER, [key]) == [REFUSED]
    await claims.mark(OTHER, [(key, dead_mark(2))])
    await claims.mark(ME, [(key, REFUSED)])
    assert await claims.claim(ME, [key]) == [dead_mark(2)]


@pytest.mark.parametrize("untold", [NO_ADDRESS, REFUSED])
async def test_what_is_not_told_yet_does_not_stand_against_the_claim_of_another(
    claims: Claims, key: bytes, untold: bytes
) -> None:
    await claims.claim(ME, [key])
    await claims.claim(OTHER, [key])
    await claims.mark(ME, [(key, untold)])
    assert await claims.claim(OTHER, [key]) == [AMBIGUOUS]
    await claims.mark(OTHER, [(key, untold)])
    assert await claims.claim(ME, [key]) == [untold]


@pytest.mark.parametrize(
    ("two", "after"),
    [
        ((REFUSED, RELEASED), REFUSED),
        ((NO_ADDRESS, RELEASED), NO_ADDRESS),
        ((SENT, NO_ADDRESS), SENT),
        ((REFUSED, dead_mark(2)), dead_mark(2)),
        ((RELEASED, REFUSED), REFUSED),
    ],
)
async def test_two_marks_for_one_key_in_a_batch_are_made_one_after_the_other(
    claims: Claims, key: bytes, two: tuple[bytes, bytes], after: bytes
) -> None:
    await claims.claim(ME, [key])
    await claims.mark(ME, [(key, mark) for mark in two])
    assert await claims.claim(OTHER, [key]) == [after]


async def test_an_end_can_be_marked_by_an_owner_whose_claim_was_taken_over(claims: Claims, key: bytes) -> None:
    await claims.claim(ME, [key])
    await claims.claim(OTHER, [key])
    await claims.mark(ME, [(key, SENT)])
    assert await claims.claim(OTHER, [key]) == [SENT]


async def test_a_redrive_is_a_delivery_of_its_own(claims: Claims) -> None:
    delivery = str(uuid.uuid4()).encode()
    await claims.mark(ME, [(delivery + b":0", dead_mark(6))])
    assert await claims.claim(ME, [delivery + b":1"]) == [NEW]


async def test_a_batch_is_answered_in_its_order(claims: Claims) -> None:
    keys = [f"{uuid.uuid4()}:0".encode() for _ in range(2_500)]
    await claims.claim(OTHER, keys[:1_000])
    await claims.mark(ME, [(key, SENT) for key in keys[1_500:]])
    assert await claims.claim(ME, keys) == [AMBIGUOUS] * 1_000 + [NEW] * 500 + [SENT] * 1_000


async def test_an_empty_batch_asks_nobody(claims: Claims) -> None:
    assert await claims.claim(ME, []) == []
    await claims.mark(ME, [])


async def test_claims_are_forgotten_after_their_time_to_live(open_claims: Open, key: bytes) -> None:
    claims = open_claims(timedelta(milliseconds=100))
    await claims.mark(ME, [(key, SENT)])
    deadline = time.monotonic() + 5
    while await claims.claim(ME, [key]) != [NEW]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_claims_that_are_away_say_so() -> None:
    away = RedisClaims.at("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable) as raised:
        await away.claim(ME, [b"x:0"])
    assert raised.value.service == "redis"
    await away.close()
    memory = ClaimsInMemory()
    memory.away = True
    with pytest.raises(Unavailable):
        await memory.mark(ME, [(b"x:0", SENT)])
