"""Recipients in memory: the store, and the cache in front of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from connectors.stored_recipient import StoredRecipient, erased, recipients_of
from connectors.unavailable import SomeUnavailable, Unavailable
from streams.domain.address_mark import AddressMark, kept_marks, marked_channel
from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient

Load = Callable[[Sequence[str]], Awaitable[Mapping[str, StoredRecipient]]]


class RecipientStoreInMemory:
    """Like connectors.postgres.recipients. `told` is what went through the outbox, in order."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[StoredRecipient] = []
        self._rows: dict[str, StoredRecipient] = {}
        self._cleared_at: dict[str, int] = {}

    async def load(self, recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
        self._ask()
        return {each: self._rows[each] for each in recipient_ids if each in self._rows}

    async def save_profile(self, profile: Recipient, now: int) -> StoredRecipient:
        wants = self._before(profile.recipient_id)
        given = profile.preference
        kept = replace(wants, locale=given.locale, time_zone=given.time_zone)
        row = self._rows.get(profile.recipient_id)
        marks = kept_marks(row.recipient.marks, row.recipient.addresses, profile.addresses) if row else {}
        if row and row.recipient.addresses != profile.addresses:
            self._cleared_at[profile.recipient_id] = now
        return self._change(StoredRecipient(replace(profile, preference=kept, marks=marks)))

    async def save_choices(self, wanted: Preference, now: int) -> StoredRecipient:
        wants = replace(
            self._before(wanted.recipient_id), unsubscribed=wanted.unsubscribed, choices=tuple(wanted.choices)
        )
        row = self._rows.get(wanted.recipient_id)
        recipient = row.recipient if row else Recipient(wanted.recipient_id, wants)
        return self._change(StoredRecipient(replace(recipient, preference=wants, erased=False)))

    async def erase(self, recipient_id: str, now: int) -> StoredRecipient | None:
        self._ask()
        row = self._rows.get(recipient_id)
        self._cleared_at[recipient_id] = now
        return None if row is None or row.erased else self._change(erased(recipient_id, row.version))

    def mark_address(self, recipient_id: str, key: str, mark: AddressMark) -> None:
        """What the recorder does when a provider said so. Nothing, if it was cleared after that."""
        row = self._rows.get(recipient_id, StoredRecipient(Recipient(recipient_id, Preference(recipient_id))))
        if row.erased or key in row.recipient.marks or self._cleared_at.get(recipient_id, 0) >= mark.marked_at:
            return
        self._change(replace(row, recipient=replace(row.recipient, marks={**row.recipient.marks, key: mark})))

    async def clear_marks(self, recipient_id: str, channel: str, now: int) -> StoredRecipient | None:
        self._ask()
        row = self._rows.get(recipient_id)
        if row is None or row.erased:
            return None
        self._cleared_at[recipient_id] = now
        marks = {key: mark for key, mark in row.recipient.marks.items() if marked_channel(key) != channel}
        return self._change(replace(row, recipient=replace(row.recipient, marks=marks)))

    def _before(self, recipient_id: str) -> Preference:
        self._ask()
        row = self._rows.get(recipient_id)
        return row.recipient.preference if row else Preference(recipient_id)

    def _change(self, changed: StoredRecipient) -> StoredRecipient:
        wants = replace(changed.recipient.preference, version=changed.version + 1)
        newer = replace(changed, recipient=replace(changed.recipient, preference=wants))
        self._rows[newer.recipient_id] = newer
        self.told.append(newer)
        return newer

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("PostgreSQL", "away in memory")


class RecipientsInMemory:
    """Like connectors.redis.recipients: it never replaces a newer version."""

    def __init__(self, load: Load | None = None) -> None:
        self.away = False
        self._load = load
        self._entries: dict[str, StoredRecipient] = {}

    async def find(self, recipient_ids: Sequence[str]) -> Mapping[str, Recipient]:
        found = {} if self.away else {each: self._entries[each] for each in recipient_ids if each in self._entries}
        missing = [each for each in dict.fromkeys(recipient_ids) if each not in found]
        if missing and self._load is not None:
            try:
                rows = await self._load(missing)
            except Unavailable as away:
                if not found:
                    raise
                raise SomeUnavailable(away, recipients_of(found)) from away
            for loaded in rows.values():
                found[loaded.recipient_id] = loaded if self.away else self._keep(loaded)
        return recipients_of(found)

    async def put(self, stored: StoredRecipient) -> None:
        if self.away:
            raise Unavailable("Redis", "away in memory")
        self._keep(stored)

    async def refresh(self, recipient_ids: Sequence[str]) -> None:
        for loaded in (await self._load(recipient_ids)).values() if self._load else ():
            await self.put(loaded)

    def _keep(self, stored: StoredRecipient) -> StoredRecipient:
        held = self._entries.get(stored.recipient_id)
        if held is None or held.version <= stored.version:
            self._entries[stored.recipient_id] = stored
        return self._entries[stored.recipient_id]
