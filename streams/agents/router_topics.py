"""Where the router reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas import topics
from streams.domain.notification import Channel, Priority


@dataclass(frozen=True, slots=True)
class RouterTopics:
    """Topic names by what they carry. `notifications` in the order of priority, the highest first."""

    notifications: Mapping[Priority, str]
    preferences: str
    deliveries: Mapping[tuple[Channel, Priority], str]
    decisions: str
    dead_letters: str

    @classmethod
    def named(cls, prefix: str = "") -> "RouterTopics":
        """The topics of schemas/topics.py; with a prefix, so that installations can share a Kafka."""
        return cls(
            {priority: prefix + topics.notifications(priority) for priority in Priority},
            prefix + topics.PREFERENCES,
            {(c, p): prefix + topics.deliveries(c, p) for c in Channel for p in Priority},
            prefix + topics.DECISIONS,
            prefix + topics.DEAD_LETTERS,
        )

    def all(self) -> tuple[str, ...]:
        """Every one of them: they must exist and have the same number of partitions."""
        return (
            *self.notifications.values(),
            self.preferences,
            *self.deliveries.values(),
            self.decisions,
            self.dead_letters,
        )
