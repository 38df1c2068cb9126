"""/v1/notifications: take one, and tell what became of one."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path
from pydantic import Field

from connectors.http.acceptance import Acceptance
from connectors.http.json_response import JsonResponse
from connectors.http.notification_body import NotificationBody
from connectors.http.ports import Accepted, Parts
from connectors.http.problems import NOT_FOUND, Problem
from connectors.http.responses import ACCEPTING, READING, responses
from connectors.http.states import NotificationState
from connectors.unavailable import Unavailable
from streams.domain.delivery_status import Status

PATH = "/v1/notifications"
REPLAY = "Idempotent-Replay"


@dataclass(frozen=True, slots=True)
class AcceptedNotification:
    """It is durable in Kafka."""

    notification_id: str
    status: Annotated[str, Field(description="accepted")]
    url: Annotated[str, Field(description="Where to ask what became of it; also in the header Location.")]


class NotificationRoutes:
    """Two routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._acceptance = Acceptance(parts)

    def router(self) -> APIRouter:
        router = APIRouter(tags=["Notifications"])
        router.post(
            PATH,
            status_code=202,
            summary="Send a notification",
            responses=responses(202, AcceptedNotification, ACCEPTING),
        )(self.post)
        router.get(
            f"{PATH}/{{notification_id}}",
            summary="What became of a notification",
            responses=responses(200, NotificationState, READING),
        )(self.get)
        return router

    async def post(
        self, body: NotificationBody, traceparent: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> JsonResponse:
        """202 means durable: Kafka has confirmed the record (acks=all) before the answer.

        The same `notification_id` with the same body is answered alike, with `Idempotent-Replay: true`, and nothing
        is sent twice; with another body: 409. When Kafka is away: 503 within two seconds; the problem holds the
        `notification_id` to send again with.
        """
        receipt = await self._acceptance.accept(body, traceparent)
        url = f"{PATH}/{receipt.notification_id}"
        headers = {"Location": url} | ({REPLAY: "true"} if receipt.replay else {})
        return JsonResponse(AcceptedNotification(receipt.notification_id, str(Status.ACCEPTED), url), 202, headers)

    async def get(
        self,
        notification_id: Annotated[
            str, Path(description="The id the 202 told.", examples=["0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90"])
        ],
    ) -> JsonResponse:
        """Its status, and per channel: where the delivery stands, which layer and rule decided that, every attempt."""
        found = await find_notification(self._parts, notification_id)
        if found is None:
            raise Problem(NOT_FOUND, f"there is no notification {notification_id!r}")
        return JsonResponse(found)


async def find_notification(parts: Parts, notification_id: str) -> NotificationState | None:
    """What is known of a notification: what is recorded, else that it was accepted. Raises Unavailable."""
    if "\0" in notification_id:
        return None
    found = await parts.notifications.find(notification_id)
    if found is not None and found.type is not None:
        return found
    try:
        remembered = await parts.accepted.find(notification_id)
    except Unavailable:
        return found
    return _joined(notification_id, found, remembered) if found or remembered else None


def _joined(notification_id: str, found: NotificationState | None, remembered: Accepted | None) -> NotificationState:
    """What is recorded, and for what is not recorded yet, what was accepted."""
    recorded = found or NotificationState(notification_id, str(Status.ACCEPTED))
    if remembered is None:
        return recorded
    return replace(
        recorded,
        recipient_id=remembered.recipient_id,
        type=remembered.type,
        priority=remembered.priority,
        created_at=recorded.created_at or datetime.fromtimestamp(remembered.accepted_at / 1000, UTC),
    )
