"""Records as the rows that are kept of them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Codec, PoisonRecord, Record
from schemas.dead_letter_envelope import DeadLetterEnvelope
from streams.domain.decision import Action
from streams.domain.delivery_status import Status, progress
from streams.domain.notification import delivery_id

_STATUS_OF = {
    Action.DELIVER: Status.QUEUED,
    Action.HOLD: Status.HELD,
    Action.SUPPRESS: Status.SUPPRESSED,
    Action.EXPIRE: Status.EXPIRED,
}

_YEAR_9999 = 253_402_300_799_999  # its last millisecond since 1970 UTC

_ELSEWHERE = frozenset({"call", "type", "tenant", "address_mark"})

Row = dict[str, Any]


@dataclass(slots=True)
class Rows:
    """What one batch writes."""

    notifications: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    dead_letters: list[Row] = field(default_factory=list)
    marks: list[Row] = field(default_factory=list)


def add_decision(rows: Rows, decision: Record) -> None:
    """One notification, and a delivery for each channel that was decided on."""
    rows.notifications.append({name: value for name, value in decision.items() if name != "channels"})
    for each in decision["channels"]:
        status = _STATUS_OF[Action(each["action"])]
        rows.deliveries.append(
            {
                "delivery_id": delivery_id(decision["notification_id"], each["channel"]),
                "notification_id": decision["notification_id"],
                "recipient_id": decision["recipient_id"],
                "channel": each["channel"],
                "status": str(status),
                "progress": progress(status),
                "attempt": 0,
                "redrives": 0,
                "layer": each["layer"],
                "rule": each["rule"],
                "reason": None if status is Status.QUEUED else each["rule"],
                "due_at": each["until"],
                "occurred_at": decision["decided_at"],
            }
        )


def add_status(rows: Rows, status: Record) -> None:
    """Where a delivery stands, and the provider call that led there."""
    call = status["call"] or {}
    rows.deliveries.append(
        {
            **{name: value for name, value in status.items() if name not in _ELSEWHERE},
            "provider": call.get("provider"),
            "provider_message_id": call.get("provider_message_id"),
        }
    )
    if call:
        told = {name: status[name] for name in ("delivery_id", "redrives", "attempt", "reason")}
        rows.attempts.append({**told, **call})
    _add_mark(rows, status)


def _add_mark(rows: Rows, status: Record) -> None:
    """The address that was called takes nothing any more, if the status says so."""
    if status["address_mark"] is not None:
        told = {name: status[name] for name in ("recipient_id", "channel", "reason", "occurred_at")}
        rows.marks.append({**told, "mark": status["address_mark"]})


def newest(deliveries: Iterable[Row]) -> list[Row]:
    """One row per delivery: the one that is farthest on its way, with the layer and rule that decided on it."""
    kept: dict[str, Row] = {}
    for row in deliveries:
        other = kept.get(row["delivery_id"])
        if other is None:
            kept[row["delivery_id"]] = row
            continue
        ahead, behind = (row, other) if row["progress"] > other["progress"] else (other, row)
        decided = {name: ahead.get(name) or behind.get(name) for name in ("layer", "rule")}
        kept[row["delivery_id"]] = {**ahead, **decided}
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """One record of dead-letters as it came up. `timestamp`: ms since 1970 UTC."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def add_dead_letter(rows: Rows, dead: DeadRecord, codec: Codec) -> None:
    """The record as it is, what its envelope tells, and what can be read of it."""
    told = DeadLetterEnvelope.read(dead.headers)
    rows.dead_letters.append(
        {
            **_identity(dead.value, codec),
            "dead_letter_id": f"{dead.partition}-{dead.offset}",
            "kind": told.kind,
            "reason": told.reason,
            "provider": told.provider,
            "attempt": told.attempt,
            "redrives": told.redrives,
            "origin_topic": told.origin.topic,
            "origin_partition": told.origin.partition,
            "origin_offset": told.origin.offset,
            "key": dead.key,
            "value": dead.value,
            "headers": [[name, (value or b"").decode(errors="replace")] for name, value in dead.headers],
            "dead_at": dead.timestamp,
        }
    )


def _identity(value: bytes | None, codec: Codec) -> Row:
    """Which delivery or notification it is; all None when it cannot be read."""
    names = ("delivery_id", "notification_id", "recipient_id", "type", "channel", "tenant")
    for schema in ("Delivery", "Notification"):
        try:
            read = codec.decode(schema, value)
        except PoisonRecord:
            continue
        told = read["notification"] if schema == "Delivery" else read
        return {name: read.get(name, told.get(name)) for name in names} | {"expires_at": _expiry(told["expires_at"])}
    return dict.fromkeys((*names, "expires_at"))


def _expiry(told: int | None) -> int | None:
    """Within what a database and a calendar know; beyond the year 9999 it does not expire."""
    return None if told is None or told > _YEAR_9999 else max(told, 0)
