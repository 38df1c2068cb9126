"""What every store of recipients promises (http.ports.RecipientStore)."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from connectors.memory.recipients import RecipientStoreInMemory
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from schemas.codec import Codec
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

Store = RecipientStoreInMemory | RecipientStore
NOW = 1_800_000_000_000
CHOICES = (Choice(False, category="marketing", channel="email"), Choice(True, type="order.shipped"))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield RecipientStoreInMemory()
        return
    dsn = request.getfixturevalue("database")
    migrate(dsn)
    pool = Pool(dsn, "test", seconds=20)
    await pool.open()
    yield RecipientStore(pool, Codec(), lambda: str(uuid.uuid4()))
    await pool.close()


@pytest.fixture
def ada() -> Recipient:
    """Nobody knows it yet."""
    name = f"ada-{uuid.uuid4()}"
    return Recipient(name, Preference(name, locale="de", time_zone="Europe/Vienna"), {"email": "a@example.com"}, "acme")


async def test_the_first_version_is_1_and_each_change_adds_1(store: Store, ada: Recipient) -> None:
    saved = await store.save_profile(ada, NOW)
    assert (saved.version, saved.recipient.addresses, saved.recipient.tenant) == (1, ada.addresses, "acme")
    wanted = await store.save_choices(Preference(ada.recipient_id, unsubscribed=True, choices=CHOICES), NOW)
    assert wanted.version == 2
    assert await store.load([ada.recipient_id, "nobody"]) == {ada.recipient_id: wanted}
    assert wanted.recipient.preference == Preference(ada.recipient_id, 2, "de", "Europe/Vienna", True, CHOICES)


async def test_profile_and_choices_leave_each_other_alone(store: Store, ada: Recipient) -> None:
    await store.save_choices(Preference(ada.recipient_id, unsubscribed=True, choices=CHOICES), NOW)
    saved = await store.save_profile(ada, NOW)
    assert (saved.recipient.preference.choices, saved.recipient.preference.unsubscribed) == (CHOICES, True)
    wanted = await store.save_choices(Preference(ada.recipient_id), NOW)
    assert (wanted.recipient.addresses, wanted.recipient.tenant) == (ada.addresses, "acme")
    assert (wanted.recipient.preference.locale, wanted.recipient.preference.choices) == ("de", ())


async def test_of_an_erased_recipient_only_the_version_is_left_and_it_rises_on(store: Store, ada: Recipient) -> None:
    assert await store.erase(ada.recipient_id, NOW) is None
    await store.save_profile(ada, NOW)
    await store.save_choices(Preference(ada.recipient_id, unsubscribed=True, choices=CHOICES), NOW)
    gone = await store.erase(ada.recipient_id, NOW)
    assert gone is not None
    assert (gone.erased, gone.version) == (True, 3)
    assert gone.recipient == Recipient(ada.recipient_id, Preference(ada.recipient_id, 3), erased=True)
    assert await store.load([ada.recipient_id]) == {ada.recipient_id: gone}
    assert await store.erase(ada.recipient_id, NOW) is None
    back = await store.save_profile(ada, NOW)
    assert (back.erased, back.version, back.recipient.preference.choices) == (False, 4, ())


async def test_changes_at_once_have_versions_of_their_own(store: Store, ada: Recipient) -> None:
    changes = [store.save_profile(ada, NOW) for _ in range(5)]
    changes += [store.save_choices(Preference(ada.recipient_id), NOW) for _ in range(5)]
    assert sorted(each.version for each in await asyncio.gather(*changes)) == list(range(1, 11))
