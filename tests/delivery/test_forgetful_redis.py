"""A Redis that was emptied is found out, told again what is known, and believed no more if it goes on so."""

import asyncio
from collections.abc import Sequence

import pytest

from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED
from tests.delivery.claim_servers import ME, NEXT, OTHER, A, B, C, CountedClaims, Servers, back
from tests.delivery.ground import until


@pytest.fixture
async def servers() -> Servers:
    return Servers()


async def test_a_redis_that_has_forgotten_everything_is_told_loudly_and_once(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        servers.redis.away = True
        await claims.mark(ME, [(A, b"s1")])
        servers.redis.empty()
        servers.redis.away = False
        await back()
        assert await claims.claim(NEXT, [A]) == [b"s1"], "what was claimed meanwhile is known"
    assert "".join(capsys.readouterr()).count("Redis has forgotten all claims") == 1


async def test_a_redis_that_forgets_is_found_out_by_the_next_call_and_told_again_what_is_known(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    async with servers.process() as mine, servers.process() as other:
        await mine.claim(ME, [A, B, C])
        await mine.mark(ME, [(B, b"s1"), (C, RELEASED)])
        await other.claim(OTHER, [b"d:0"])
        servers.redis.empty()
        assert await mine.claim(ME, [b"e:0", B]) == [NEW, b"s1"]
        await other.mark(OTHER, [(b"d:0", RELEASED)])
        assert await mine.claim(NEXT, [A, B, C, b"d:0"]) == [AMBIGUOUS, b"s1", NEW, NEW]
    said = "".join(capsys.readouterr())
    assert said.count("Redis has forgotten all claims") == 2, "each process says it once"


async def test_what_is_marked_in_a_redis_that_forgot_counts_and_what_it_took_before_does_too(servers: Servers) -> None:
    async with servers.process() as mine:
        await mine.claim(ME, [A, B])
        servers.redis.empty()
        await asyncio.gather(mine.mark(ME, [(A, b"s1")]), mine.mark(ME, [(B, RELEASED)]), mine.claim(ME, [C]))
        assert await mine.claim(NEXT, [A, B, C]) == [b"s1", NEW, AMBIGUOUS]


async def test_a_redis_that_forgets_as_soon_as_it_is_told_is_away(servers: Servers) -> None:
    class Forgetful(CountedClaims):
        forgets = False

        async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
            if self.forgets:
                self.empty()
            return await super().claim(owner, keys)

    redis = servers.redis = Forgetful(servers.clock)
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        redis.forgets = True
        async with asyncio.timeout(5):
            await claims.claim(ME, [B])
        assert B in servers.postgres.values
        redis.forgets = False
        await back()
        assert await claims.claim(NEXT, [A, B]) == [AMBIGUOUS, AMBIGUOUS]


async def test_an_answer_that_comes_while_redis_is_told_again_is_told_too(servers: Servers) -> None:
    class Late(CountedClaims):
        """Claims C at once; its answer waits for `gate`, and so does telling it all again."""

        async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
            found = await super().claim(owner, keys)
            if keys == [C]:
                await self.gate.wait()
            return found

    redis = servers.redis = Late(servers.clock)
    async with servers.process() as claims:
        await claims.claim(ME, [A])
        redis.gate.clear()
        late = asyncio.create_task(claims.claim(ME, [C]))
        await until(lambda: C in redis.values, what="C claimed")
        redis.empty()
        assert await claims.claim(ME, [B]) == [NEW]
        redis.gate.set()
        assert await late == [NEW]
        assert await claims.claim(NEXT, [A, B, C]) == [AMBIGUOUS] * 3
