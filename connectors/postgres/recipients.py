"""Recipients in PostgreSQL: the truth. A change and the record that tells of it are one transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from connectors.postgres import queries
from connectors.postgres.pool import Connection, Pool, Row
from connectors.stored_recipient import StoredRecipient
from schemas.codec import Codec
from schemas.headers import Headers, cloud_event
from schemas.records import choice_to_record, preference_to_record
from schemas.topics import PREFERENCES
from streams.domain.address_mark import AddressMark
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

_SQL = queries.load("recipients")
_SOURCE = "/tidings/api"
EVENT = "tidings.preference"


class RecipientStore:
    """Times are ms since 1970 UTC; `new_id` makes event ids. Every method raises Unavailable."""

    def __init__(self, pool: Pool, codec: Codec, new_id: Callable[[], str]) -> None:
        self._pool = pool
        self._codec = codec
        self._new_id = new_id

    async def load(self, recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
        """Those that are kept, the erased included."""
        rows = await self._pool.rows(_SQL["find"], {"recipient_ids": list(recipient_ids)})
        return {row["recipient_id"]: stored(row) for row in rows}

    async def save_profile(self, profile: Recipient, now: int) -> StoredRecipient:
        """Addresses, tenant, locale and time zone as given; what they want stays. Makes a row if need be."""
        values = {
            "recipient_id": profile.recipient_id,
            "tenant": profile.tenant,
            "addresses": Jsonb(dict(profile.addresses)),
            "locale": profile.preference.locale,
            "time_zone": profile.preference.time_zone,
        }
        return await self._change("save_profile", values, now)

    async def save_choices(self, wanted: Preference, now: int) -> StoredRecipient:
        """`unsubscribed` and `choices` as given; the rest stays. Makes a row without addresses if need be."""
        values = {
            "recipient_id": wanted.recipient_id,
            "unsubscribed": wanted.unsubscribed,
            "choices": Jsonb([choice_to_record(each) for each in wanted.choices]),
        }
        return await self._change("save_choices", values, now)

    async def erase(self, recipient_id: str, now: int) -> StoredRecipient | None:
        """All but id and version is gone; None: there is no such recipient (any more)."""

        async def work(connection: Connection) -> StoredRecipient | None:
            async with connection.transaction():
                return await self._one(connection, "erase", {"recipient_id": recipient_id}, now)

        return await self._pool.run(work)

    async def clear_marks(self, recipient_id: str, channel: str, now: int) -> StoredRecipient | None:
        """The addresses of this channel may be tried again; None: there is no such recipient (any more)."""

        async def work(connection: Connection) -> StoredRecipient | None:
            async with connection.transaction():
                values = {"recipient_id": recipient_id, "channel": channel}
                return await self._one(connection, "clear_marks", values, now)

        return await self._pool.run(work)

    async def _change(self, query: str, values: Mapping[str, Any], now: int) -> StoredRecipient:
        async def work(connection: Connection) -> StoredRecipient:
            async with connection.transaction():
                changed = await self._one(connection, query, values, now)
                assert changed is not None
                return changed

        return await self._pool.run(work)

    async def _one(
        self, connection: Connection, query: str, values: Mapping[str, Any], now: int
    ) -> StoredRecipient | None:
        """Change the row, then tell of it: the lock on the row keeps the records in the order of the versions."""
        row = await (await connection.execute(_SQL[query], {**values, "now": now})).fetchone()
        if row is None:
            return None
        changed = stored(row)
        headers = cloud_event(self._new_id(), EVENT, _SOURCE, now)
        await connection.execute(_SQL["add_to_outbox"], outbox_row(changed, self._codec, headers, now))
        await connection.execute(_SQL["wake_relay"])
        return changed


def outbox_row(changed: StoredRecipient, codec: Codec, headers: Headers, now: int) -> dict[str, Any]:
    """The record that tells of a change, for the query `add_to_outbox`; an erased recipient has no value."""
    told = None
    if not changed.erased:
        told = codec.encode("Preference", preference_to_record(changed.recipient.preference, now))
    named = Jsonb({name: value.decode() for name, value in headers})
    return {"topic": PREFERENCES, "key": changed.recipient_id, "value": told, "headers": named}


def stored(row: Row) -> StoredRecipient:
    """A recipient as its row says."""
    wants = Preference(
        row["recipient_id"],
        row["version"],
        row["locale"],
        row["time_zone"],
        row["unsubscribed"],
        tuple(Choice(**choice) for choice in row["choices"]),
    )
    marks = {key: AddressMark(**mark) for key, mark in row["address_marks"].items()}
    return StoredRecipient(Recipient(row["recipient_id"], wants, row["addresses"], row["tenant"], row["erased"], marks))
