"""Deliveries from bytes: fast what our current schema wrote, in the thorough way (codec.py) everything else.

What is in doubt is left to the thorough way, which also finds the words for what cannot be read.
"""

from functools import lru_cache
from typing import NamedTuple

from schemas.codec import Codec, PoisonRecord
from schemas.maker import maker
from schemas.reader_source import Number, Raw, Rest, Value
from schemas.records import delivery_from_record
from streams.domain.delivery import Delivery
from streams.domain.notification import Channel, Notification, Priority

_notification, _delivery = maker(Notification), maker(Delivery)
_ID_SIZE, _SIZED_ID = b"\x48", 37  # what Avro writes before a text of 36 bytes, and how long they are together
_KNOWN_AT_MOST = 10_000  # then it starts anew: memory stays bounded whatever comes


class Received(NamedTuple):
    """A delivery. `told`: the fields in which its status begins like it, as received, before and after the channel."""

    delivery: Delivery
    told: tuple[bytes, bytes] | None


class DeliveryReader:
    """Reads the deliveries of one process.

    What many deliveries have in common (category, catalogue, channels asked for) is decoded once, and known by its
    bytes from then on.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._frame = codec.frame("Delivery")
        self._read_head = codec.reader(
            "Delivery",
            Raw("delivery_id", "delivery_id"),
            Value("delivery_id"),
            Raw("channel", "catalogue_version"),
            Rest("catalogue_version"),
        )
        self._last_head = b""
        self._read_rest = codec.reader_from(
            "Delivery",
            "preference_version",
            Number("preference_version"),
            Value("decided_by"),
            Raw("notification_id", "type"),
            Value("notification_id"),
            Value("recipient_id"),
            Value("type"),
            Raw("priority", "priority"),
            Raw("tenant", "tenant"),
            Value("tenant"),
            Number("created_at"),
            Number("expires_at"),
            Number("send_at"),
            Raw("channels", "locale"),
            Value("dedupe_key"),
            Value("cancellation_key"),
            Value("data"),
            Value("to"),
            Value("metadata"),
        )
        self._heads: dict[bytes, tuple[Channel, str, str, str]] = {}
        self._priorities: dict[bytes, Priority] = {}
        self._asked: dict[bytes, tuple[tuple[str, ...], str | None]] = {}

    def read(self, data: bytes | None) -> Received:
        """Raises PoisonRecord."""
        if data is None or not data.startswith(self._frame):
            return Received(self._thorough(data), None)
        try:
            identity, delivery_id, head, at = self._head(data)
            (
                version, decided_by, who, notification_id, recipient_id, kind, priority, owner, tenant,
                created_at, expires_at, send_at, asked, dedupe_key, cancellation_key, content, to, metadata,
            ) = self._read_rest(data, at)  # fmt: skip
        except (IndexError, ValueError):
            return Received(self._thorough(data), None)
        try:
            channel, locale, category, catalogue_version = self._heads[head]
            channels, wanted_locale = self._asked[asked]
            known_priority = self._priorities[priority]
        except KeyError:
            return Received(self._learned(data, head, priority, asked), (identity + who, owner))
        told = _notification(
            notification_id, recipient_id, kind, known_priority, created_at, content, tenant, expires_at, send_at,
            channels, wanted_locale, dedupe_key, cancellation_key, to, metadata,
        )  # fmt: skip
        made = _delivery(delivery_id, channel, locale, category, catalogue_version, version, decided_by, told)
        return Received(made, (identity + who, owner))

    def _head(self, data: bytes) -> tuple[bytes, str, bytes, int]:
        """The delivery id, encoded and as text; the fields before the preference version, encoded; where they end."""
        at = len(self._frame)
        known, end = self._last_head, at + _SIZED_ID
        if data[at : at + 1] == _ID_SIZE and known and data.startswith(known, end):
            # the same bytes mean the same fields, and they are known to be sound
            identity = data[at:end]
            return identity, identity[1:].decode(), known, end + len(known)
        identity, delivery_id, head, rest = self._read_head(data, at)
        if head in self._heads:
            self._last_head = head
        return identity, delivery_id, head, len(data) - len(rest)

    def _thorough(self, data: bytes | None) -> Delivery:
        record = self._codec.decode("Delivery", data)
        try:
            return delivery_from_record(record)
        except ValueError as error:  # a channel that has no sender
            raise PoisonRecord(str(error)) from error

    def _learned(self, data: bytes, head: bytes, priority: bytes, asked: bytes) -> Delivery:
        """Of its kind the first: read thoroughly, and remembered."""
        made = self._thorough(data)
        told = made.notification
        for known in (self._heads, self._priorities, self._asked):
            if len(known) >= _KNOWN_AT_MOST:
                known.clear()
        self._heads[head] = made.channel, made.locale, made.category, made.catalogue_version
        self._priorities[priority] = told.priority
        self._asked[asked] = told.channels, told.locale
        return made


@lru_cache(8)
def delivery_reader(codec: Codec) -> DeliveryReader:
    """The one of this codec."""
    return DeliveryReader(codec)
