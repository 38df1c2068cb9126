"""What every cache of recipients promises (ports.Recipients)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from connectors.memory.recipients import RecipientsInMemory
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache
from connectors.stored_recipient import StoredRecipient, erased
from connectors.unavailable import SomeUnavailable, Unavailable
from streams.domain.address_mark import AddressMark, mark_key
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

Cache = RecipientsInMemory | RecipientCache


class Kept:
    """What PostgreSQL would answer; `asked` are the look-ups."""

    def __init__(self) -> None:
        self.rows: dict[str, StoredRecipient] = {}
        self.asked: list[list[str]] = []
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()

    def save(self, recipient_id: str, version: int, address: str = "a@example.com") -> StoredRecipient:
        self.rows[recipient_id] = stored(recipient_id, version, address)
        return self.rows[recipient_id]

    async def load(self, recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
        self.asked.append(list(recipient_ids))
        if self.away:
            raise Unavailable("PostgreSQL", "away")
        found = {each: self.rows[each] for each in recipient_ids if each in self.rows}
        await self.slow.wait()
        return found


def stored(recipient_id: str, version: int, address: str = "a@example.com") -> StoredRecipient:
    wants = Preference(
        recipient_id,
        version,
        "de-AT",
        "Europe/Vienna",
        True,
        (Choice(False, "order.shipped", None, "email"), Choice(True)),
    )
    marks = {mark_key(recipient_id, "email", "old@example.com"): AddressMark("550: no such mailbox", 17)}
    return StoredRecipient(Recipient(recipient_id, wants, {"email": address}, "acme", marks=marks))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def cache(request: pytest.FixtureRequest, kept: Kept) -> AsyncIterator[Cache]:
    if request.param == "memory":
        yield RecipientsInMemory(kept.load)
        return
    server = RedisServer(request.getfixturevalue("servers").redis_url, seconds=5)
    yield RecipientCache(server.client, kept.load)
    await server.close()


@pytest.fixture
def ada() -> str:
    """An id nobody has used."""
    return f"ada-{uuid.uuid4()}"


async def test_everything_of_a_recipient_comes_back_as_it_was(cache: Cache, kept: Kept, ada: str) -> None:
    saved = kept.save(ada, 1)
    assert await cache.find([ada]) == {ada: saved.recipient}
    assert await cache.find([ada]) == {ada: saved.recipient}


async def test_while_postgresql_is_away_those_that_are_cached_are_found(cache: Cache, kept: Kept, ada: str) -> None:
    saved, eve = kept.save(ada, 1), f"eve-{ada}"
    await cache.find([ada])
    kept.away = True
    assert await cache.find([ada]) == {ada: saved.recipient}
    with pytest.raises(SomeUnavailable) as some:
        await cache.find([eve, ada])
    assert some.value.found == {ada: saved.recipient}
    with pytest.raises(Unavailable) as none:
        await cache.find([eve])
    assert not isinstance(none.value, SomeUnavailable)


async def test_a_batch_is_asked_for_at_once_and_only_what_is_missing(cache: Cache, kept: Kept, ada: str) -> None:
    everybody = [f"{ada}-{number}" for number in range(700)]
    for each in everybody[:600]:
        kept.save(each, 1)
    await cache.find(everybody[:300])
    found = await cache.find(everybody + everybody)
    assert set(found) == set(everybody[:600])
    assert kept.asked == [everybody[:300], everybody[300:]]


async def test_nobody_is_found_for_an_unknown_id_until_there_is_one(cache: Cache, kept: Kept, ada: str) -> None:
    assert await cache.find([]) == {}
    assert await cache.find([ada]) == {}
    saved = kept.save(ada, 1)
    assert await cache.find([ada]) == {ada: saved.recipient}


async def test_a_change_is_seen_at_once(cache: Cache, kept: Kept, ada: str) -> None:
    kept.save(ada, 1)
    await cache.find([ada])
    changed = kept.save(ada, 2, "new@example.com")
    await cache.put(changed)
    assert await cache.find([ada]) == {ada: changed.recipient}


async def test_a_newer_version_is_never_replaced_by_an_older_one(cache: Cache, kept: Kept, ada: str) -> None:
    newer = stored(ada, 12, "new@example.com")
    await cache.put(newer)
    await cache.put(stored(ada, 9))
    assert await cache.find([ada]) == {ada: newer.recipient}


async def test_a_slow_reader_does_not_bring_an_old_version_back_and_gets_the_new_one(
    cache: Cache, kept: Kept, ada: str
) -> None:
    kept.save(ada, 1)
    kept.slow.clear()
    slow = asyncio.create_task(cache.find([ada]))
    while not kept.asked:
        await asyncio.sleep(0.001)
    changed = stored(ada, 2, "new@example.com")
    await cache.put(changed)
    kept.slow.set()
    assert await slow == {ada: changed.recipient}
    assert await cache.find([ada]) == {ada: changed.recipient}


async def test_an_erased_recipient_says_so_and_no_slow_reader_brings_it_back(
    cache: Cache, kept: Kept, ada: str
) -> None:
    kept.save(ada, 1)
    await cache.find([ada])
    await cache.put(erased(ada, 2))
    assert await cache.find([ada]) == {ada: erased(ada, 2).recipient}
    await cache.put(stored(ada, 1))
    assert (await cache.find([ada]))[ada].erased
    back = stored(ada, 3)
    await cache.put(back)
    assert await cache.find([ada]) == {ada: back.recipient}


async def test_an_erased_recipient_says_so_when_it_is_loaded(cache: Cache, kept: Kept, ada: str) -> None:
    kept.rows[ada] = gone = erased(ada, 2)
    assert await cache.find([ada]) == {ada: gone.recipient}
    assert await cache.find([ada]) == {ada: gone.recipient}


async def test_a_refresh_renews_what_changed_behind_the_cache(cache: Cache, kept: Kept, ada: str) -> None:
    other = f"{ada}-other"
    kept.save(ada, 1)
    kept.save(other, 1)
    await cache.find([ada, other])
    changed = kept.save(ada, 2, "new@example.com")
    kept.rows[other] = erased(other, 2)
    await cache.refresh([ada, other, f"{ada}-unknown"])
    assert await cache.find([ada, other]) == {ada: changed.recipient, other: erased(other, 2).recipient}
