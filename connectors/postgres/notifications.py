"""A notification with its deliveries and attempts, as the recorder kept them."""

from collections import defaultdict
from collections.abc import Sequence

from connectors.http.states import Attempt, DeadRecord, DeliveryState, NotificationState
from connectors.postgres import queries
from connectors.postgres.pool import Connection, Pool, Row
from streams.domain.delivery_status import Status, overall

_SQL = queries.load("notifications")
_QUERIES = ("find_notification", "find_deliveries", "find_attempts", "find_dead_letters")
_TOLD = (
    "tenant", "type", "priority", "category", "created_at", "decided_at", "catalogue_version", "preference_version",
)  # fmt: skip


class NotificationReader:
    """Reads what the API tells. Raises Unavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, notification_id: str) -> NotificationState | None:
        """None: nothing is recorded of it (yet)."""
        values = {"notification_id": notification_id}

        async def work(connection: Connection) -> list[Sequence[Row]]:
            async with connection.pipeline():
                cursors = [await connection.execute(_SQL[query], values) for query in _QUERIES]
                return [await cursor.fetchall() for cursor in cursors]

        notifications, deliveries, attempts, dead = await self._pool.run(work)
        if not notifications and not deliveries and not dead:
            return None
        told = notifications[0] if notifications else {}
        people = [told, *deliveries, *dead]
        return NotificationState(
            notification_id=notification_id,
            status=str(_status(deliveries, dead)),
            recipient_id=next((row["recipient_id"] for row in people if row.get("recipient_id")), None),
            deliveries=_deliveries(deliveries, attempts),
            dead_letters=[DeadRecord(**{name: row[name] for name in DeadRecord.__slots__}) for row in dead],
            **{name: told.get(name) for name in _TOLD} if told else {"type": dead[0]["type"] if dead else None},
        )


def _status(deliveries: Sequence[Row], dead: Sequence[Row]) -> Status:
    """One that died before it became deliveries has none that could tell."""
    died_early = any(row["delivery_id"] is None and row["redriven_at"] is None for row in dead)
    if died_early and not deliveries:
        return Status.DEAD_LETTERED
    return overall(Status(row["status"]) for row in deliveries)


def _deliveries(deliveries: Sequence[Row], attempts: Sequence[Row]) -> list[DeliveryState]:
    made: dict[str, list[Attempt]] = defaultdict(list)
    for row in attempts:
        made[row.pop("delivery_id")].append(Attempt(**row))
    return [
        DeliveryState(
            **{name: value for name, value in row.items() if name != "recipient_id"}, attempts=made[row["delivery_id"]]
        )
        for row in deliveries
    ]
