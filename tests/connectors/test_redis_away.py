"""The cache of recipients and the accepted ids while Redis is not there or hangs."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from connectors.http.ports import Accepted
from connectors.redis.accepted import AcceptedInRedis
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache, key_of
from connectors.stored_recipient import StoredRecipient
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints
from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient
from tests.connectors.wire import Wire, closed_port

ADA = StoredRecipient(Recipient("ada", Preference("ada", 1), {"email": "ada@example.com"}))
ACCEPTED = Accepted("aa", 1, "ada", "order.shipped", "high")


async def load(recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
    return {"ada": ADA} if "ada" in recipient_ids else {}


async def load_nothing(recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
    raise Unavailable("PostgreSQL", "away")


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisServer]:
    server = RedisServer(f"redis://127.0.0.1:{closed_port()}/0")
    yield server
    await server.close()


async def test_postgresql_is_asked_and_the_log_says_so_once(
    nowhere: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = RecipientCache(nowhere.client, load)
    for _ in range(3):
        assert await cache.find(["ada"]) == {"ada": ADA.recipient}
    assert "".join(capsys.readouterr()).count("server is away") == 1


async def test_a_change_that_cannot_be_cached_is_told(nowhere: RedisServer) -> None:
    cache = RecipientCache(nowhere.client, load)
    with pytest.raises(Unavailable):
        await cache.put(ADA)
    with pytest.raises(Unavailable):
        await cache.refresh(["ada"])


async def test_both_away_is_unavailable(nowhere: RedisServer) -> None:
    with pytest.raises(Unavailable):
        await RecipientCache(nowhere.client, load_nothing).find(["ada"])


async def test_accepted_ids_are_unavailable_and_then_at_once(servers: Endpoints) -> None:
    async with Wire(servers.redis_url) as wire:
        await wire.mend()
        wire.hanging = True
        server = RedisServer(wire.url)
        accepted = AcceptedInRedis(server.client)
        with pytest.raises(Unavailable):
            await accepted.open("n", "t", None)
        began = time.monotonic()
        for _ in range(500):
            with pytest.raises(Unavailable):
                await accepted.confirm("n", "t", ACCEPTED)
        assert time.monotonic() - began < 4  # 150 if each waited as long as the first one
        await server.close()


async def test_a_redis_that_hangs_costs_a_moment_once_and_is_used_again_when_it_moves_on(servers: Endpoints) -> None:
    identity = str(uuid.uuid4())
    async with Wire(servers.redis_url) as wire:
        await wire.mend()
        server = RedisServer(wire.url)
        cache, accepted = RecipientCache(server.client, load), AcceptedInRedis(server.client)
        await cache.put(ADA)
        wire.hanging = True
        began = time.monotonic()
        assert await cache.find(["ada"]) == {"ada": ADA.recipient}
        with pytest.raises(Unavailable):
            await accepted.confirm(identity, "t", ACCEPTED)
        assert 0.5 < time.monotonic() - began < 2
        wire.hanging = False
        async with asyncio.timeout(10):
            while not await confirmed(accepted, identity):
                await asyncio.sleep(0.05)
        assert await accepted.find(identity) == ACCEPTED
        await server.close()


async def confirmed(accepted: AcceptedInRedis, identity: str) -> bool:
    try:
        await accepted.confirm(identity, "t", ACCEPTED)
    except Unavailable:
        return False
    return True


async def test_an_entry_that_cannot_be_read_is_replaced_by_what_postgresql_says(servers: Endpoints) -> None:
    server = RedisServer(servers.redis_url, seconds=5)
    for broken in (b"", b"{", b"[]", b'{"version":"x"}', b'{"version":99}'):
        name = f"ada-{uuid.uuid4()}"
        stored = StoredRecipient(Recipient(name, Preference(name, 1), {"email": "a@example.com"}))

        async def load_one(_: Sequence[str], stored: StoredRecipient = stored) -> Mapping[str, StoredRecipient]:
            return {stored.recipient_id: stored}

        await server.client.set(key_of(name), broken)
        assert await RecipientCache(server.client, load_one).find([name]) == {name: stored.recipient}
    await server.close()


async def test_what_is_kept_expires_within_a_day_or_so(servers: Endpoints) -> None:
    server = RedisServer(servers.redis_url, seconds=5)
    name, identity = f"ada-{uuid.uuid4()}", str(uuid.uuid4())
    await RecipientCache(server.client, load).put(StoredRecipient(Recipient(name, Preference(name, 1))))
    await AcceptedInRedis(server.client).confirm(identity, "t", ACCEPTED)
    await AcceptedInRedis(server.client).open(f"{identity}-held", "t", None)
    assert 20 * 3600 < await server.client.ttl(key_of(name)) < 28 * 3600
    assert 6 * 86_400 < await server.client.ttl(f"tidings:accepted:{identity}") <= 7 * 86_400
    assert 0 < await server.client.pttl(f"tidings:accepting:{identity}-held") <= 5_000
    await server.close()
