"""What the HTTP API needs of the world. Each has a real form (postgres, redis, kafka) and a fake (memory)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.dead_letters.dead_letter import Cursor
from connectors.dead_letters.ports import DeadLetters, Publisher
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.states import DeadLetterState, NotificationState
from connectors.stored_recipient import StoredRecipient
from schemas.codec import Codec
from streams.domain.catalogue import Catalogue
from streams.domain.ports import Recipients
from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is remembered of an accepted notification. `hash`: of the canonical body; `accepted_at`: ms since 1970."""

    hash: str
    accepted_at: int
    recipient_id: str
    type: str
    priority: str


@dataclass(frozen=True, slots=True)
class Opened:
    """`accepted`: it was accepted before. `busy`: another request with the same id is being handled right now.

    `recipient`: as the cache has it, None when the cache has none or it was not asked for.
    """

    accepted: Accepted | None = None
    busy: bool = False
    recipient: StoredRecipient | None = None


class AcceptedNotifications(Protocol):
    """Which notification ids were accepted (7 days). Every method raises Unavailable: then it is done without."""

    async def open(self, notification_id: str, ticket: str, recipient_id: str | None) -> Opened:
        """Look an id up and hold it for a few seconds under `ticket`, unless it was accepted or is held."""

    async def confirm(self, notification_id: str, ticket: str, accepted: Accepted) -> None:
        """Remember it (the first stays) and let go of it."""

    async def release(self, notification_id: str, ticket: str) -> None:
        """Let go of it: it was not accepted."""

    async def find(self, notification_id: str) -> Accepted | None:
        """What is remembered of it."""


class RecipientCache(Recipients, Protocol):
    """connectors.redis.recipients."""

    async def put(self, stored: StoredRecipient) -> None:
        """After a change. Raises Unavailable."""


class RecipientStore(Protocol):
    """connectors.postgres.recipients. Every method raises Unavailable; `now` is ms since 1970 UTC."""

    async def load(self, recipient_ids: Sequence[str]) -> Mapping[str, StoredRecipient]:
        """Those that are kept, the erased included."""

    async def save_profile(self, profile: Recipient, now: int) -> StoredRecipient:
        """Addresses, tenant, locale and time zone."""

    async def save_choices(self, wanted: Preference, now: int) -> StoredRecipient:
        """`unsubscribed` and `choices`."""

    async def erase(self, recipient_id: str, now: int) -> StoredRecipient | None:
        """None: there is no such recipient."""

    async def clear_marks(self, recipient_id: str, channel: str, now: int) -> StoredRecipient | None:
        """None: there is no such recipient."""


class Notifications(Protocol):
    """connectors.postgres.notifications. Raises Unavailable."""

    async def find(self, notification_id: str) -> NotificationState | None:
        """None: nothing is recorded of it (yet)."""


class KeptDeadLetters(DeadLetters, Protocol):
    """connectors.postgres.dead_letters. Every method raises Unavailable."""

    async def page(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetterState]:
        """Newest first, those before the cursor, without their records."""


class ApiKeys(Protocol):
    """connectors.postgres.api_keys."""

    async def secret_hash(self, key_id: str) -> bytes | None:
        """SHA-256 of the secret of a live key; None: there is none. Raises Unavailable."""


class Resource(Protocol):
    """Something that is opened on the API's event loop and closed at its end."""

    async def open(self) -> None:
        """Returns at once, also when its server is away."""

    async def close(self) -> None:
        """Give back what it holds."""


Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the API stands on. `needed` and `useful`: checks by name that raise Unavailable (see health).

    `now`: ms since 1970 UTC; `new_id`: a UUIDv7 as text. `resources` are opened in this order, closed in reverse.
    """

    publisher: Publisher
    recipients: RecipientStore
    cache: RecipientCache
    accepted: AcceptedNotifications
    notifications: Notifications
    dead_letters: KeptDeadLetters
    api_keys: ApiKeys
    catalogue: Catalogue
    codec: Codec
    now: Callable[[], int]
    new_id: Callable[[], str]
    needed: Mapping[str, Check] = field(default_factory=dict)
    useful: Mapping[str, Check] = field(default_factory=dict)
    resources: Sequence[Resource] = ()
