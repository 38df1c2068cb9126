"""Deliveries from bytes: fast what our current schema wrote, in the thorough way (codec.py) everything else.

What is in doubt is left to the thorough way, which also finds the words for what cannot be read.
"""

from collections.abc import Mapping
from typing import Any

from schemas.codec import Codec, PoisonRecord
from schemas.picks import Decoded, Number, Raw, Rest
from schemas.records import delivery_from_record
from streams.domain.delivery import Delivery
from streams.domain.notification import Channel, Notification, Priority

_ID_SIZE, _SIZED_ID = b"\x48", 37  # what Avro writes before a text of 36 bytes, and how long they are together
_KNOWN_AT_MOST = 10_000  # then it starts anew: memory stays bounded whatever comes
_SHARED_AT_MOST = 256  # bytes of metadata that is remembered, for the same reason


Told = tuple[bytes, bytes]
"""The fields in which its status begins like a delivery, as received: before and after the channel."""


class DeliveryReader:
    """Reads the deliveries of one process.

    What many deliveries have in common (category, catalogue, channels asked for, metadata) is decoded once, and known
    by its bytes from then on.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._frame = codec.frame("Delivery")
        self._read_head = codec.reader(
            "Delivery",
            Raw("delivery_id", "delivery_id"),
            Decoded("delivery_id"),
            Raw("channel", "catalogue_version"),
            Rest("catalogue_version"),
        )
        self._last_head = b""
        self._read_rest = codec.reader_from(
            "Delivery",
            "preference_version",
            Number("preference_version"),
            Decoded("decided_by"),
            Raw("notification_id", "type"),
            Decoded("notification_id"),
            Decoded("recipient_id"),
            Decoded("type"),
            Raw("priority", "priority"),
            Raw("tenant", "tenant"),
            Decoded("tenant"),
            Number("created_at"),
            Number("expires_at"),
            Number("send_at"),
            Raw("channels", "locale"),
            Decoded("dedupe_key"),
            Decoded("cancellation_key"),
            Decoded("data"),
            Decoded("to"),
            Rest("to"),
        )
        self._read_metadata = codec.reader_from("Notification", "metadata", Decoded("metadata"))
        self._heads: dict[bytes, tuple[Channel, str, str, str]] = {}
        self._priorities: dict[bytes, Priority] = {}
        self._asked: dict[bytes, tuple[tuple[str, ...], str | None]] = {}
        self._metadata: dict[bytes, Mapping[str, str]] = {}

    def read(self, data: bytes | None) -> tuple[Delivery, Told | None]:
        """Raises PoisonRecord."""
        if data is None or not data.startswith(self._frame):
            return self._thorough(data), None
        try:
            identity, delivery_id, head, at = self._head(data)
            (
                version, decided_by, who, notification_id, recipient_id, kind, priority, owner, tenant,
                created_at, expires_at, send_at, asked, dedupe_key, cancellation_key, content, to, carried,
            ) = self._read_rest(data, at)  # fmt: skip
            metadata = self._metadata.get(carried)
            if metadata is None:
                metadata = self._learned_metadata(carried)
        except (IndexError, ValueError):
            return self._thorough(data), None
        try:
            channel, locale, category, catalogue_version = self._heads[head]
            channels, wanted_locale = self._asked[asked]
            known_priority = self._priorities[priority]
        except KeyError:
            return self._learned(data, head, priority, asked), (identity + who, owner)
        told = Notification(
            notification_id, recipient_id, kind, known_priority, created_at, content, tenant, expires_at, send_at,
            channels, wanted_locale, dedupe_key, cancellation_key, to, metadata,
        )  # fmt: skip
        made = Delivery(delivery_id, channel, locale, category, catalogue_version, version, decided_by, told)
        return made, (identity + who, owner)

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

    def _learned_metadata(self, carried: bytes) -> Mapping[str, str]:
        """Raises IndexError or ValueError. Nobody changes it, so those who have the same may share it."""
        metadata: Mapping[str, str] = self._read_metadata(carried, 0)[0]
        if len(carried) <= _SHARED_AT_MOST:
            _room_in(self._metadata)
            self._metadata[carried] = metadata
        return metadata

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
            _room_in(known)
        self._heads[head] = made.channel, made.locale, made.category, made.catalogue_version
        self._priorities[priority] = told.priority
        self._asked[asked] = told.channels, told.locale
        return made


def _room_in(known: dict[bytes, Any]) -> None:
    if len(known) >= _KNOWN_AT_MOST:
        known.clear()
