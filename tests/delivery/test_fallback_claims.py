"""Claims go on while Redis is away, and what was claimed meanwhile counts when it is back."""

import asyncio
from collections.abc import Sequence

import pytest

from connectors.delivery.fallback_claims import FallbackClaims
from connectors.unavailable import Unavailable
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED, UNSURE, Left
from tests.delivery.claim_servers import ME, NEXT, OTHER, A, B, C, CountedClaims, Servers, back, stands_in
from tests.delivery.ground import until


@pytest.fixture
async def servers() -> Servers:
    return Servers()


async def test_while_redis_is_there_postgresql_is_asked_once_for_each_assignment(servers: Servers) -> None:
    async with servers.process() as claims:
        for _ in range(3):
            assert await claims.claim(ME, [A, B]) == [NEW, NEW]
            await claims.mark(ME, [(A, b"s1")])
            servers.redis._kept.clear()
        assert servers.postgres.asked == 1
        await claims.claim(NEXT, [A])
        await claims.claim(ME, [A])
        assert servers.postgres.asked == 2
    assert servers.redis.asked == 8


async def test_redis_goes_and_comes_back_and_every_end_is_known(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A, B])
        servers.redis.away = True
        assert await claims.claim(ME, [C]) == [UNSURE]
        assert stands_in()
        await claims.mark(ME, [(A, b"s1"), (B, RELEASED), (C, b"d1")])
        assert await claims.claim(NEXT, [A, B, C]) == [b"s1", NEW, b"d1"]
        await claims.mark(NEXT, [(B, RELEASED)])
        servers.redis.away = False
        await back()
        assert await claims.claim(OTHER, [A, B, C]) == [b"s1", AMBIGUOUS, b"d1"], "B was given back by another owner"
    said = "".join(capsys.readouterr())
    assert said.count("Redis is away") == said.count("Redis is back") == 1
    assert not stands_in()


async def test_a_claim_given_back_meanwhile_is_new_when_redis_is_back(servers: Servers) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.clock.now += 1
        servers.redis.away = True
        await claims.mark(ME, [(A, RELEASED)])
        servers.redis.away = False
        await back()
        assert await claims.claim(NEXT, [A]) == [NEW]


async def test_what_is_left_in_postgresql_goes_and_fresh_ends_a_little_later(servers: Servers) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.redis.away = True
        await claims.claim(ME, [A, B, C])
        await claims.mark(ME, [(A, b"s1")])
        servers.redis.away = False
        await back()
        assert servers.postgres.values == {A: b"s1"}
        servers.clock.now += 11
        await until(lambda: not servers.postgres.values)
        asked = servers.postgres.asked
        await until(lambda: claims._watching is not None and claims._watching.done())
        assert servers.postgres.asked <= asked + 1, "an empty table is not looked at again"


async def test_what_a_killed_process_left_counts_before_the_first_claim_of_its_successor(servers: Servers) -> None:
    killed = FallbackClaims(servers.redis, servers.postgres, look_s=60)
    await killed.claim(OTHER, [A])
    servers.redis.away = True
    await killed.claim(OTHER, [A, B])
    await killed.mark(OTHER, [(A, b"s1")])
    servers.redis.away = False
    async with servers.process() as claims:
        assert await claims.claim(ME, [A, B, C]) == [b"s1", AMBIGUOUS, NEW]
    await killed.close()


async def test_a_new_assignment_of_a_process_that_uses_redis_learns_what_another_one_did_without(
    servers: Servers,
) -> None:
    async with servers.process() as mine:
        assert await mine.claim(ME, [C]) == [NEW]
        await servers.postgres.claim(OTHER, [A])
        await servers.postgres.mark(OTHER, [(A, b"s1")])
        assert await mine.claim(NEXT, [A]) == [b"s1"]


async def test_postgresql_away_at_an_assignment_costs_nothing_and_its_claims_are_copied_later(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    await servers.postgres.mark(OTHER, [(A, b"s1")])
    servers.postgres.away = True
    async with servers.process() as claims:
        assert await claims.claim(ME, [B]) == [NEW]
        assert await claims.claim(NEXT, [C]) == [NEW]
        servers.postgres.away = False
        await until(lambda: servers.redis.values.get(A) == b"s1")
    assert "".join(capsys.readouterr()).count("cannot be read: they are copied") == 1


async def test_both_away_is_unavailable_and_ends_with_the_first_that_is_back(servers: Servers) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.redis.away = servers.postgres.away = True
        for _ in range(2):
            with pytest.raises(Unavailable, match="redis and"):
                await claims.claim(ME, [B])
            with pytest.raises(Unavailable):
                await claims.mark(ME, [(A, b"s1")])
        servers.postgres.away = False
        assert await claims.claim(ME, [B]) == [UNSURE]
        servers.postgres.away = True
        servers.redis.away = False
        await back()
        assert await claims.claim(ME, [A]) == [NEW], "PostgreSQL is not waited for long"


async def test_nothing_that_is_marked_while_redis_comes_back_is_missed(servers: Servers) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.redis.away = True
        await claims.claim(ME, [B])
        servers.postgres.gate.clear()
        marking = asyncio.create_task(claims.mark(ME, [(A, b"s1")]))
        await until(lambda: not claims._quiet.is_set())
        servers.redis.away = False
        await until(lambda: not claims._open.is_set())
        waiting = asyncio.create_task(claims.claim(ME, [A]))
        await asyncio.sleep(0)
        servers.postgres.gate.set()
        await marking
        assert await waiting == [b"s1"]
        assert not stands_in()


async def test_a_redis_that_goes_again_while_it_is_filled_is_away_still(servers: Servers) -> None:
    class Fading(CountedClaims):
        failed, fades = 0, True

        async def adopt(self, rows: Sequence[Left]) -> None:
            if self.fades:
                self.failed += 1
                raise Unavailable("redis", "went again")
            await super().adopt(rows)

    servers.redis = fading = Fading(servers.clock)
    async with servers.process() as claims:
        await claims.claim(ME, [C])
        servers.redis.away = True
        await claims.mark(ME, [(A, b"s1")])
        servers.redis.away = False
        await until(lambda: fading.failed >= 2)
        assert stands_in()
        assert await claims.claim(ME, [A]) == [b"s1"]
        fading.fades = False
        await back()
        assert await claims.claim(ME, [A]) == [b"s1"]


async def test_a_call_that_fails_late_does_not_turn_away_from_a_redis_that_is_back(servers: Servers) -> None:
    class Late(CountedClaims):
        async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
            if keys == [C] and not self.gate.is_set():
                await self.gate.wait()
                raise Unavailable("redis", "no answer")
            return await super().claim(owner, keys)

    servers.redis = Late(servers.clock)
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.redis.gate.clear()
        late = asyncio.create_task(claims.claim(ME, [C]))
        await asyncio.sleep(0)
        servers.redis.away = True
        await claims.claim(ME, [B])
        servers.redis.away = False
        await back()
        servers.redis.gate.set()
        assert await late == [NEW]
        assert not stands_in()
