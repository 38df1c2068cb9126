"""Domain values as Avro records and back: the only place that knows both forms."""

from typing import Any

from schemas.codec import Record
from streams.domain.decision import Decision
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import Status, progress
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.outcomes import ProviderCall
from streams.domain.preferences import Choice, Preference


def notification_to_record(value: Notification) -> Record:
    return {
        "notification_id": value.notification_id,
        "recipient_id": value.recipient_id,
        "type": value.type,
        "priority": str(value.priority),
        "tenant": value.tenant,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "send_at": value.send_at,
        "channels": list(value.channels),
        "locale": value.locale,
        "dedupe_key": value.dedupe_key,
        "cancellation_key": value.cancellation_key,
        "data": value.data,
        "to": None if value.to is None else dict(value.to),
        "metadata": dict(value.metadata),
    }


def notification_from_record(record: Record) -> Notification:
    return Notification(
        **{**record, "priority": Priority(record["priority"]), "channels": tuple(record["channels"])},
    )


def delivery_head(decision: Decision, at: int) -> Record:
    """The fields of a Delivery before the notification, for channel number `at` of a decision."""
    chosen = decision.channels[at]
    return {
        "delivery_id": chosen.delivery_id,
        "channel": str(chosen.channel),
        "locale": decision.locale,
        "category": decision.category,
        "catalogue_version": decision.catalogue_version,
        "preference_version": decision.preference_version,
        "decided_by": str(chosen.layer),
    }


def delivery_from_record(record: Record) -> Delivery:
    """Raises ValueError for a channel that has no sender."""
    return Delivery(
        **{
            **record,
            "channel": Channel(record["channel"]),
            "notification": notification_from_record(record["notification"]),
        },
    )


def decision_to_record(value: Decision) -> Record:
    told = value.notification
    return {
        "notification_id": told.notification_id,
        "recipient_id": told.recipient_id,
        "type": told.type,
        "priority": str(told.priority),
        "tenant": told.tenant,
        "created_at": told.created_at,
        "decided_at": value.decided_at,
        "category": value.category,
        "catalogue_version": value.catalogue_version,
        "preference_version": value.preference_version,
        "channels": [
            {
                "channel": str(each.channel),
                "action": str(each.action),
                "layer": str(each.layer),
                "rule": each.rule,
                "until": each.until,
            }
            for each in value.channels
        ],
    }


def preference_to_record(value: Preference, updated_at: int) -> Record:
    return {
        "recipient_id": value.recipient_id,
        "version": value.version,
        "updated_at": updated_at,
        "locale": value.locale,
        "time_zone": value.time_zone,
        "unsubscribed": value.unsubscribed,
        "choices": [choice_to_record(choice) for choice in value.choices],
    }


def choice_to_record(choice: Choice) -> Record:
    return {"type": choice.type, "category": choice.category, "channel": choice.channel, "wants": choice.wants}


def preference_from_record(record: Record) -> Preference:
    return Preference(
        record["recipient_id"],
        record["version"],
        record["locale"],
        record["time_zone"],
        record["unsubscribed"],
        tuple(Choice(**choice) for choice in record["choices"]),
    )


def status_to_record(
    delivery: Delivery, status: Status, occurred_at: int, attempt: int = 0, redrives: int = 0, **more: Any
) -> Record:
    """A DeliveryStatus. `more`: layer, reason, due_at, call (see call_to_record), address_mark; None unless given."""
    told = delivery.notification
    return {
        "delivery_id": delivery.delivery_id,
        "notification_id": told.notification_id,
        "recipient_id": told.recipient_id,
        "type": told.type,
        "channel": str(delivery.channel),
        "tenant": told.tenant,
        "status": str(status),
        "progress": progress(status, attempt, redrives),
        "occurred_at": occurred_at,
        "attempt": attempt,
        "redrives": redrives,
        "layer": None,
        "reason": None,
        "due_at": None,
        "call": None,
        "address_mark": None,
        **more,
    }


def call_to_record(call: ProviderCall, failure_kind: str | None = None) -> Record:
    return {
        "provider": call.provider,
        "started_at": call.started_at,
        "duration_ms": call.duration_ms,
        "code": call.code,
        "failure_kind": failure_kind,
        "request": call.request,
        "response": call.response,
        "provider_message_id": call.provider_message_id,
    }
