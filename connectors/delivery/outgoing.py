"""What a sender writes, as values: statuses, records for retry topics, dead letters. Pure: time is an argument."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from connectors.delivery.assignment import TIER_0
from connectors.delivery.incoming import Record
from connectors.delivery.parked import Waiting
from connectors.delivery.policy import PRIORITIES, SenderPolicy
from schemas import headers, topics
from schemas.codec import Codec
from schemas.encoder import text
from schemas.records import call_to_record, status_to_record
from streams.domain.address_mark import mark_key
from streams.domain.delivery_status import TERMINAL, Status, progress
from streams.domain.failures import Failure
from streams.domain.next_step import DeadLetterKind
from streams.domain.notification import Channel
from streams.domain.outcomes import Outcome, ProviderCall
from streams.domain.value import Value

STATUS_EVENT = "tidings.delivery-status"
_REASON_AT_MOST = 1_000
_progress = lru_cache(4096)(progress)


class Outgoing(Value, frozen=True):
    """One record for Kafka. `partition`: -1 leaves it to the partitioner."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: headers.Headers
    partition: int = -1


class Reported(NamedTuple):
    """A status to tell of, and why. `due_at`: ms since 1970 UTC. `address_mark`: of an address found dead."""

    status: Status
    attempt: int
    reason: str | None = None
    layer: str | None = None
    due_at: int | None = None
    address_mark: str | None = None


class Letters:
    """Builds the records of one sender."""

    def __init__(self, policy: SenderPolicy, codec: Codec) -> None:
        self._topics = policy.topics
        self._codec = codec
        self._stamps = headers.Stamps(STATUS_EVENT, f"/tidings/sender/{policy.channel}")
        self._frame = codec.frame("DeliveryStatus")
        self._start = codec.encoder("DeliveryStatus", "delivery_id", "tenant")
        self._channels = {channel: text(channel) for channel in Channel}
        self._what = codec.encoder("DeliveryStatus", "status", "due_at")
        self._how = codec.encoder("DeliveryStatus", "call", "address_mark")
        self._last: tuple[object, bytes] = (None, b"")  # what was told last, encoded: many in a row are told the same

    def status(self, record: Record, told: Reported, now: int, outcome: Outcome | None = None) -> Outgoing:
        """A DeliveryStatus with the provider call that led there, if there was one.

        `ce_id` is the same whenever the same end is told again; each retry is an event of its own. Its key is the
        recipient, also where the delivery is a lane of its own: whoever owns a recipient is told of all it got.
        """
        delivery = record.delivery
        way = _progress(told.status, told.attempt, record.redrives)
        try:
            made = self._spliced(record, told, now, way, outcome)
        except Exception:  # a provider's words that are no valid text must not stop the sender
            made = self._thorough(record, told, now, outcome)
        event = f"{delivery.delivery_id}/{way}" if told.status in TERMINAL else f"{delivery.delivery_id}/{way}/{now}"
        stamps = self._stamps.of(event, now, record.traceparent)
        return Outgoing(topics.DELIVERY_STATUS, delivery.notification.recipient_id.encode(), made, stamps)

    def _spliced(self, record: Record, told: Reported, now: int, way: int, outcome: Outcome | None) -> bytes:
        """What its delivery has in common with it as it was received, the rest by a generated encoder."""
        delivery = record.delivery
        if record.told is not None:
            start, tenant = record.told
            start += self._channels[delivery.channel] + tenant
        else:
            about = delivery.notification
            start = self._start(
                delivery.delivery_id,
                about.notification_id,
                about.recipient_id,
                about.type,
                delivery.channel,
                about.tenant,
            )
        last, what = self._last
        if last != (told, record.redrives, now):
            what = self._what(
                told.status, way, now, told.attempt, record.redrives, told.layer, told.reason, told.due_at
            )
            self._last = (told, record.redrives, now), what
        call, failure = _of(outcome)
        how = self._how(_call_fields(call, failure) if call else None, told.address_mark)
        return self._frame + start + what + how

    def _thorough(self, record: Record, told: Reported, now: int, outcome: Outcome | None) -> bytes:
        call, failure = _of(outcome)
        value = status_to_record(
            record.delivery,
            told.status,
            now,
            told.attempt,
            record.redrives,
            layer=told.layer,
            reason=told.reason,
            due_at=told.due_at,
            call=_call(call, failure),
            address_mark=told.address_mark,
        )
        return self._codec.encode("DeliveryStatus", _as_text(value))

    def retry(self, record: Record, waiting: Waiting, outcome: Outcome | None = None) -> Outgoing:
        """The same bytes for the retry topic of a tier; with `outcome` when it was tried and failed.

        It stays in its partition whoever chose that: only the owner of the main partition may own its retries.
        """
        changes = {
            headers.PRIORITY: str(PRIORITIES[record.lane[1]]).encode(),
            headers.ORIGIN_OFFSET: b"%d" % record.origin,
            headers.NOT_BEFORE: b"%d" % waiting.due,
            **_history(record),
            **_failed(outcome),
        }
        return self._passed_on(self._topics[TIER_0 + waiting.tier], record, changes, record.partition)

    def dead_letter(
        self, record: Record, kind: DeadLetterKind, reason: str, provider: str | None, attempt: int
    ) -> Outgoing:
        """The same key and bytes, and where the record first came up (for a retried one: in its main topic)."""
        changes = {
            **_history(record),
            headers.ATTEMPT: b"%d" % attempt,
            headers.FAILURE_KIND: str(kind).encode(),
            headers.FAILURE_REASON: _short(reason),
            headers.ORIGIN_TOPIC: self._topics[record.lane[1]].encode(),
            headers.ORIGIN_PARTITION: b"%d" % record.partition,
            headers.ORIGIN_OFFSET: b"%d" % record.origin,
        }
        if provider:
            changes[headers.PROVIDER] = provider.encode()
        return self._passed_on(topics.DEAD_LETTERS, record, changes)

    def _passed_on(self, topic: str, record: Record, changes: dict[str, bytes], partition: int = -1) -> Outgoing:
        message = record.message
        return Outgoing(topic, message.key(), message.value(), headers.replaced(record.headers, changes), partition)


def _of(outcome: Outcome | None) -> tuple[ProviderCall | None, Failure | None]:
    """The call an outcome tells of, and its failure."""
    return (outcome.call, outcome.failure) if outcome else (None, None)


def _call(call: ProviderCall | None, failure: Failure | None) -> dict[str, object] | None:
    return call_to_record(call, str(failure.kind) if failure else None) if call else None


def _call_fields(call: ProviderCall, failure: Failure | None) -> tuple[object, ...]:
    """As `_call`, in the order of the schema."""
    return (
        call.provider, call.started_at, call.duration_ms, call.code, failure.kind if failure else None, call.request,
        call.response, call.provider_message_id,
    )  # fmt: skip


def address_mark_of(record: Record, failure: Failure | None) -> str | None:
    """What marks the address it was called at, if the failure says that nothing can reach it."""
    if failure is None or not failure.address_is_dead:
        return None
    return mark_key(record.delivery.notification.recipient_id, record.delivery.channel, record.address)


def _history(record: Record) -> Mapping[str, bytes]:
    told = {headers.ATTEMPT: b"%d" % record.tried.attempt, headers.REDRIVES: b"%d" % record.redrives}
    if record.tried.first_failed_at is not None:
        told[headers.FIRST_FAILED_AT] = b"%d" % record.tried.first_failed_at
    return told


def _failed(outcome: Outcome | None) -> Mapping[str, bytes]:
    call, failure = _of(outcome)
    if failure is None:
        return {}
    told = {headers.FAILURE_KIND: str(failure.kind).encode(), headers.FAILURE_REASON: _short(failure.reason)}
    return told | ({headers.PROVIDER: call.provider.encode()} if call else {})


def _short(reason: str) -> bytes:
    return reason.encode(errors="replace")[:_REASON_AT_MOST]


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_text(each) for name, each in value.items()}
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
