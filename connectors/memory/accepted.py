"""Accepted notifications in memory. `away = True`: as if Redis did not answer."""

from connectors.http.ports import Accepted, Opened
from connectors.unavailable import Unavailable


class AcceptedInMemory:
    """Like connectors.redis.accepted, without its clock: what is held is held until it is let go."""

    def __init__(self) -> None:
        self.away = False
        self.remembered: dict[str, Accepted] = {}
        self.held: dict[str, str] = {}

    async def open(self, notification_id: str, ticket: str, recipient_id: str | None) -> Opened:
        self._ask()
        accepted = self.remembered.get(notification_id)
        if accepted is None and self.held.setdefault(notification_id, ticket) != ticket:
            return Opened(busy=True)
        return Opened(accepted)

    async def confirm(self, notification_id: str, ticket: str, accepted: Accepted) -> None:
        await self.release(notification_id, ticket)
        self.remembered.setdefault(notification_id, accepted)

    async def release(self, notification_id: str, ticket: str) -> None:
        self._ask()
        if self.held.get(notification_id) == ticket:
            del self.held[notification_id]

    async def find(self, notification_id: str) -> Accepted | None:
        self._ask()
        return self.remembered.get(notification_id)

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("Redis", "away in memory")
