"""What is the same for all records of a batch: time stands still within it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas import headers as names
from schemas.headers import Headers, cloud_event
from streams.domain.notification import Priority

SOURCE = "/tidings/router"


class Stamps:
    """Headers of what one batch causes: all but the id is the same for the whole batch."""

    __slots__ = ("decision", "delivery")

    def __init__(self, now: int) -> None:
        self.delivery = self._common("tidings.delivery", now)
        self.decision = self._common("tidings.decision", now)

    @staticmethod
    def _common(event_type: str, now: int) -> Headers:
        return [pair for pair in cloud_event("", event_type, SOURCE, now) if pair[0] != names.ID]


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where the records of a batch are looked at.

    `wishes`: raw preferences by key, of the partition the batch is from; `belongs`: whether a key lies there.
    `now`: milliseconds since 1970-01-01 UTC.
    """

    priority: Priority
    now: int
    wishes: Mapping[bytes, bytes]
    belongs: Callable[[bytes], bool]
    stamps: Stamps
