"""A notification from a valid body to 202: durable in Kafka before the answer, and the same id only once."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.http.catalogue_rules import has_inline_address, missing_address, notification_errors
from connectors.http.notification_body import NotificationBody
from connectors.http.ports import Accepted, Parts
from connectors.http.problems import ANOTHER_BODY, IN_PROGRESS, FieldError, Problem, invalid, unavailable
from connectors.stored_recipient import StoredRecipient
from connectors.unavailable import Unavailable
from ops.telemetry import logs, metrics
from schemas.headers import cloud_event
from schemas.records import notification_to_record
from schemas.topics import notifications
from streams.domain.catalogue import NotificationType
from streams.domain.notification import Notification
from streams.domain.recipient import Recipient

_SOURCE = "/tidings/api"
_EVENT = "tidings.notification"
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_WAITS_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the caller is told. `replay`: the same request was accepted before, nothing was produced now."""

    notification_id: str
    replay: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: its body, its kind, the id it has, and the ticket under which it holds that id."""

    body: NotificationBody
    kind: NotificationType
    notification_id: str
    ticket: str
    hash: str

    @property
    def needs_recipient(self) -> bool:
        return not has_inline_address(self.body, self.kind)


class Acceptance:
    """One round trip to Redis before the record is produced, one after. Redis away: done without, the sender
    recognises what comes twice. PostgreSQL away: an unknown recipient is accepted, the sender decides."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def accept(self, body: NotificationBody, traceparent: str | None) -> Receipt:
        """Raises Problem: the request is wrong, in conflict, or Kafka is away."""
        parts, now = self._parts, self._parts.now()
        errors = notification_errors(body, parts.catalogue, now)
        if errors:
            return await self._accepted_before(body, errors)
        kind = parts.catalogue.types[body.type]
        asked = _Asked(body, kind, body.notification_id or parts.new_id(), parts.new_id(), body.hash())
        held, recipient = False, None
        if body.notification_id is not None:
            accepted, held, recipient = await self._open(asked)
            if accepted is not None:
                return _replay(asked, accepted)
        try:
            if asked.needs_recipient:
                await self._check_address(asked, recipient)
            notification = body.notification(asked.notification_id, kind.priority, now)
            await self._produce(notification, traceparent)
        except BaseException:
            if held:
                await self._release(asked)
            raise
        metrics.ACCEPTED.labels(str(notification.priority)).inc()
        await self._confirm(asked, notification)
        return Receipt(asked.notification_id, replay=False)

    async def _accepted_before(self, body: NotificationBody, errors: Sequence[FieldError]) -> Receipt:
        """What is wrong now can have been right when it was accepted: it has not expired then. Else: raises Problem."""
        remembered = None
        if body.notification_id is not None:
            with contextlib.suppress(Unavailable):
                remembered = await self._parts.accepted.find(body.notification_id)
        if remembered is None or remembered.hash != body.hash() or body.notification_id is None:
            raise invalid(errors)
        return Receipt(body.notification_id, replay=True)

    async def _open(self, asked: _Asked) -> tuple[Accepted | None, bool, StoredRecipient | None]:
        """What was accepted under this id, whether it may be held now, and the recipient if the cache has it."""
        wanted = asked.body.recipient_id if asked.needs_recipient else None
        for wait in (*_WAITS_SECONDS, None):
            try:
                opened = await self._parts.accepted.open(asked.notification_id, asked.ticket, wanted)
            except Unavailable:  # it may have been carried out all the same, or be so later
                return None, True, None
            if not opened.busy:
                return opened.accepted, opened.accepted is None, opened.recipient
            if wait is not None:
                await asyncio.sleep(wait)
        raise Problem(
            IN_PROGRESS,
            "another request with this notification_id has not ended yet",
            headers={"Retry-After": "1"},
            notification_id=asked.notification_id,
        )

    async def _check_address(self, asked: _Asked, cached: StoredRecipient | None) -> None:
        recipient: Recipient | None = None
        if cached is not None:
            recipient = cached.recipient
        else:
            recipient_id = asked.body.recipient_id
            try:
                recipient = (await self._parts.cache.find([recipient_id])).get(recipient_id)
            except Unavailable:
                return  # nobody can tell right now: the sender will
        missing = missing_address(asked.body, asked.kind, recipient)
        if missing is not None:
            raise invalid([missing])

    async def _produce(self, notification: Notification, traceparent: str | None) -> None:
        carried = traceparent if traceparent and _TRACE_PARENT.fullmatch(traceparent) else None
        headers = cloud_event(
            notification.notification_id,
            _EVENT,
            _SOURCE,
            notification.created_at,
            carried.encode() if carried else None,
        )
        value = self._parts.codec.encode("Notification", notification_to_record(notification))
        topic = notifications(notification.priority)
        try:
            await self._parts.publisher.publish(topic, notification.recipient_id.encode(), value, headers)
        except Unavailable as error:
            raise unavailable(
                error.service,
                "not made durable, though it may still arrive: send it again with this notification_id",
                notification_id=notification.notification_id,
            ) from error

    async def _confirm(self, asked: _Asked, told: Notification) -> None:
        accepted = Accepted(asked.hash, told.created_at, told.recipient_id, told.type, str(told.priority))
        try:
            await self._parts.accepted.confirm(asked.notification_id, asked.ticket, accepted)
        except Unavailable as error:
            logs.get().debug("not remembered as accepted", notification_id=asked.notification_id, error=str(error))

    async def _release(self, asked: _Asked) -> None:
        try:
            await self._parts.accepted.release(asked.notification_id, asked.ticket)
        except Unavailable as error:
            logs.get().debug("not released", notification_id=asked.notification_id, error=str(error))


def _replay(asked: _Asked, accepted: Accepted) -> Receipt:
    if accepted.hash != asked.hash:
        raise Problem(
            ANOTHER_BODY,
            "the notification accepted under this notification_id differs from this one",
            notification_id=asked.notification_id,
        )
    return Receipt(asked.notification_id, replay=True)
