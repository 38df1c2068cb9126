"""Recorded notifications in memory. `away = True`: as if PostgreSQL did not answer."""

from connectors.http.states import NotificationState
from connectors.unavailable import Unavailable


class NotificationsInMemory:
    """Like connectors.postgres.notifications; put states into `recorded`."""

    def __init__(self) -> None:
        self.away = False
        self.recorded: dict[str, NotificationState] = {}

    async def find(self, notification_id: str) -> NotificationState | None:
        if self.away:
            raise Unavailable("PostgreSQL", "away in memory")
        return self.recorded.get(notification_id)
