"""One dead letter with its record, as the API, the export and the command line show it."""

import base64
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.http.states import DeadLetterDetail, DeadLetterState
from schemas.codec import Codec, PoisonRecord
from schemas.dead_letter_envelope import DeadLetterEnvelope

_READABLE = ("Delivery", "Notification")


def detail(found: DeadLetter, codec: Codec) -> DeadLetterDetail:
    """Decoded if it can be, else raw."""
    told = exported(found, codec)
    return told if told.value is None else replace(told, value_base64=None)


def exported(found: DeadLetter, codec: Codec) -> DeadLetterDetail:
    """Always with its raw bytes, and decoded if it can be."""
    record, value = _read(found.value, codec)
    state = DeadLetterState.of({each.name: getattr(found, each.name) for each in fields(found)})
    failed_at = DeadLetterEnvelope.read([(name, text.encode()) for name, text in found.headers]).first_failed_at
    return DeadLetterDetail(
        **asdict(state),
        first_failed_at=None if failed_at is None else datetime.fromtimestamp(failed_at / 1000, UTC),
        key=None if found.key is None else found.key.decode(errors="replace"),
        headers=list(found.headers),
        record=record,
        value=value,
        value_base64=None if found.value is None else base64.b64encode(found.value).decode(),
    )


def _read(data: bytes | None, codec: Codec) -> tuple[str | None, dict[str, Any] | None]:
    for schema in _READABLE:
        try:
            return schema, codec.decode(schema, data)
        except PoisonRecord:
            continue
    return None, None
