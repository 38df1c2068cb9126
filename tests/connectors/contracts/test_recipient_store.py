"""What every store of recipients promises (http.ports.RecipientStore)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from msgspec.structs import replace

from connectors.memory.recipients import RecipientStoreInMemory
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from connectors.postgres.recording import RecordingStore
from connectors.recording.rows import Rows
from schemas.codec import Codec
from streams.domain.address_mark import AddressMark, mark_key
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

Store = RecipientStoreInMemory | RecipientStore
Mark = Callable[[str, str, str, int], None]
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
def mark(store: Store, request: pytest.FixtureRequest) -> Iterator[Mark]:
    """mark(recipient_id, channel, address, when): what the recorder does with a status that says so."""
    if isinstance(store, RecipientStoreInMemory):
        memory = store
        yield lambda who, channel, address, when: memory.mark_address(
            who, mark_key(who, channel, address), AddressMark("gone", when)
        )
        return
    with RecordingStore(request.getfixturevalue("database"), Codec()) as recording:

        def write(who: str, channel: str, address: str, when: int) -> None:
            row = {"recipient_id": who, "channel": channel, "reason": "gone", "occurred_at": when}
            recording.write(Rows(marks=[{**row, "mark": mark_key(who, channel, address)}]))

        yield write


async def marks_of(store: Store, recipient_id: str) -> dict[str, AddressMark]:
    return dict((await store.load([recipient_id]))[recipient_id].recipient.marks)


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


async def test_an_address_that_is_dead_is_marked_once_and_is_a_change(store: Store, mark: Mark, ada: Recipient) -> None:
    await store.save_profile(ada, NOW)
    for when in (NOW + 1, NOW + 2):
        mark(ada.recipient_id, "email", "a@example.com", when)
    key = mark_key(ada.recipient_id, "email", "a@example.com")
    assert await marks_of(store, ada.recipient_id) == {key: AddressMark("gone", NOW + 1)}
    assert (await store.load([ada.recipient_id]))[ada.recipient_id].version == 2
    wanted = await store.save_choices(Preference(ada.recipient_id), NOW + 3)
    assert (set(wanted.recipient.marks), wanted.recipient.addresses) == ({key}, ada.addresses)


async def test_the_same_addresses_again_keep_the_mark_and_a_new_one_clears_it(
    store: Store, mark: Mark, ada: Recipient
) -> None:
    both = replace(ada, addresses={"email": "a@example.com", "sms": "+436601234567"})
    await store.save_profile(both, NOW)
    mark(ada.recipient_id, "email", "a@example.com", NOW + 1)
    mark(ada.recipient_id, "sms", "+436601234567", NOW + 1)
    assert len((await store.save_profile(both, NOW + 2)).recipient.marks) == 2
    moved = replace(both, addresses={**both.addresses, "email": "new@example.com"})
    changed = await store.save_profile(moved, NOW + 3)
    assert set(changed.recipient.marks) == {mark_key(ada.recipient_id, "sms", "+436601234567")}
    assert not (await store.save_profile(replace(both, addresses={}), NOW + 4)).recipient.marks


async def test_a_person_clears_the_marks_of_a_channel(store: Store, mark: Mark, ada: Recipient) -> None:
    assert await store.clear_marks(ada.recipient_id, "email", NOW) is None
    await store.save_profile(ada, NOW)
    for address in ("a@example.com", "inline@example.com"):
        mark(ada.recipient_id, "email", address, NOW + 1)
    mark(ada.recipient_id, "sms", "+436601234567", NOW + 1)
    cleared = await store.clear_marks(ada.recipient_id, "email", NOW + 2)
    assert cleared is not None
    assert set(cleared.recipient.marks) == {mark_key(ada.recipient_id, "sms", "+436601234567")}
    assert cleared.version == 5
    assert await store.load([ada.recipient_id]) == {ada.recipient_id: cleared}


@pytest.mark.parametrize("way", ["cleared", "moved"])
async def test_what_was_told_before_a_mark_was_cleared_does_not_bring_it_back(
    store: Store, mark: Mark, ada: Recipient, way: str
) -> None:
    await store.save_profile(ada, NOW)
    mark(ada.recipient_id, "email", "a@example.com", NOW + 1)
    if way == "cleared":
        await store.clear_marks(ada.recipient_id, "email", NOW + 5)
    else:
        await store.save_profile(replace(ada, addresses={"email": "new@example.com"}), NOW + 4)
        await store.save_profile(ada, NOW + 5)
    mark(ada.recipient_id, "email", "a@example.com", NOW + 3)
    assert await marks_of(store, ada.recipient_id) == {}
    mark(ada.recipient_id, "email", "a@example.com", NOW + 6)
    assert len(await marks_of(store, ada.recipient_id)) == 1


async def test_an_address_of_somebody_not_kept_is_marked_and_of_an_erased_one_it_is_not(
    store: Store, mark: Mark, ada: Recipient
) -> None:
    mark(ada.recipient_id, "email", "inline@example.com", NOW)
    assert len(await marks_of(store, ada.recipient_id)) == 1
    await store.erase(ada.recipient_id, NOW + 1)
    assert await marks_of(store, ada.recipient_id) == {}
    mark(ada.recipient_id, "email", "inline@example.com", NOW + 2)
    assert await marks_of(store, ada.recipient_id) == {}
    assert (await store.load([ada.recipient_id]))[ada.recipient_id].erased
