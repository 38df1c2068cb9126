"""Recipients in Redis, filled from PostgreSQL for a whole batch at once.

`tidings:recipient:<recipient_id>` -> JSON, kept for a day. Written by one Lua script that refuses to replace a newer
version. An erased recipient leaves its version behind, so that a slow reader cannot bring it back.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from connectors.redis.asking import Asking
from connectors.stored_recipient import StoredRecipient, recipients_of
from connectors.unavailable import SomeUnavailable, Unavailable
from streams.domain.address_mark import AddressMark
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

Load = Callable[[Sequence[str]], Awaitable[Mapping[str, StoredRecipient]]]

KEPT_SECONDS = 24 * 3600
_SPREAD_SECONDS = 2 * 3600
_KEEP_NEWER = Path(__file__).with_name("keep_newer.lua").read_text()


class _Entry(msgspec.Struct, frozen=True, gc=False):
    version: int
    tenant: str | None
    addresses: dict[str, str]
    locale: str | None
    time_zone: str | None
    unsubscribed: bool
    choices: tuple[Choice, ...]
    erased: bool
    marks: dict[str, AddressMark] = {}


_DECODER = msgspec.json.Decoder(_Entry)
_ENCODER = msgspec.json.Encoder()


def key_of(recipient_id: str) -> str:
    return f"tidings:recipient:{recipient_id}"


def encode(stored: StoredRecipient) -> bytes:
    """The JSON of one entry, the version first."""
    told, wants = stored.recipient, stored.recipient.preference
    return _ENCODER.encode(
        _Entry(
            wants.version,
            told.tenant,
            dict(told.addresses),
            wants.locale,
            wants.time_zone,
            wants.unsubscribed,
            wants.choices,
            stored.erased,
            dict(told.marks),
        )
    )


def decode(recipient_id: str, data: bytes | None) -> StoredRecipient | None:
    """An entry; None: there is none, or it cannot be read (then PostgreSQL is asked and it is replaced)."""
    if not data:
        return None
    try:
        found = _DECODER.decode(data)
    except msgspec.MsgspecError:
        return None
    wants = Preference(
        recipient_id, found.version, found.locale, found.time_zone, found.unsubscribed, tuple(found.choices)
    )
    return StoredRecipient(Recipient(recipient_id, wants, found.addresses, found.tenant, found.erased, found.marks))


class RecipientCache:
    """Recipients by id (ports.Recipients). `load` asks PostgreSQL: those it keeps, the erased included.

    Redis away, or too slow for `asking`: PostgreSQL is asked, and the log says so once. PostgreSQL away too: raises
    Unavailable. Only PostgreSQL away, and Redis holds some of a batch: raises SomeUnavailable, with these.
    """

    def __init__(self, redis: Redis, load: Load, asking: Asking | None = None) -> None:
        self._redis = redis
        self._load = load
        self._keep_newer = redis.register_script(_KEEP_NEWER)
        self._asking = asking or Asking()

    async def find(self, recipient_ids: Sequence[str]) -> Mapping[str, Recipient]:
        """Those that are known; an erased one says so."""
        found = await self._cached(recipient_ids)
        missing = [each for each in dict.fromkeys(recipient_ids) if each not in found]
        if missing:
            try:
                loaded = await self._load(missing)
            except Unavailable as away:
                if not found:
                    raise
                raise SomeUnavailable(away, recipients_of(found)) from away
            found |= loaded
            found |= await self._fill(list(loaded.values()))
        return recipients_of(found)

    async def put(self, stored: StoredRecipient) -> None:
        """After a change. Raises Unavailable; then the outbox relay renews the entry (`refresh`)."""
        await self._asking.tell_in_any_case(lambda: self._keep([stored]))

    async def refresh(self, recipient_ids: Sequence[str]) -> None:
        """Renew the entries of these recipients from PostgreSQL. Raises Unavailable."""
        loaded = list((await self._load(recipient_ids)).values())
        if loaded:
            await self._asking.tell_in_any_case(lambda: self._keep(loaded))

    async def _cached(self, recipient_ids: Sequence[str]) -> dict[str, StoredRecipient]:
        if not recipient_ids:
            return {}
        try:
            values = await self._asking.ask(lambda: self._read([key_of(each) for each in recipient_ids]))
        except Unavailable:
            return {}
        read = (decode(each, value) for each, value in zip(recipient_ids, values, strict=True))
        return {each.recipient_id: each for each in read if each is not None}

    async def _read(self, keys: Sequence[str]) -> list[bytes | None]:
        return cast(list[bytes | None], await self._redis.mget(keys))

    async def _fill(self, loaded: Sequence[StoredRecipient]) -> dict[str, StoredRecipient]:
        """Put what was loaded; where the cache held something newer by now, that."""
        if not loaded:
            return {}
        try:
            return await self._asking.ask(lambda: self._keep(loaded))
        except Unavailable:
            return {}

    async def _keep(self, all_stored: Sequence[StoredRecipient]) -> dict[str, StoredRecipient]:
        arguments: list[Any] = [KEPT_SECONDS + random.randrange(_SPREAD_SECONDS)]
        for each in all_stored:
            arguments += [each.version, encode(each)]
        kept = cast(
            list[bytes],
            await self._keep_newer(keys=[key_of(each.recipient_id) for each in all_stored], args=arguments),
        )
        newer = (decode(each.recipient_id, data) for each, data in zip(all_stored, kept, strict=True))
        return {each.recipient_id: each for each in newer if each is not None}
