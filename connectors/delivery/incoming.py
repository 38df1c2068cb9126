"""A delivery as it came up from one source, and how its record and headers are read."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.policy import PRIORITIES
from schemas import headers
from schemas.codec import PoisonRecord
from schemas.delivery_reader import DeliveryReader, Told
from streams.domain.delivery import Delivery
from streams.domain.failures import FailureKind
from streams.domain.next_step import Tried
from streams.domain.notification import Channel

UNTRIED = Tried()
_OBJECTS = 1_200  # bytes a record takes beside its value
_WANTED = frozenset({headers.TRACE_PARENT, headers.REDRIVES})
_NUMBERS = {str(priority).encode(): number for number, priority in enumerate(PRIORITIES)}


class Consumed(Protocol):
    """What we use of confluent_kafka.Message."""

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> list[tuple[str, Any]] | None: ...


class Record:
    """One delivery at work. Belongs to the assignment it was read in.

    `delivery`, `alone` and a `claim_key`: once it was decoded. `unconfirmed` counts the records it caused that Kafka
    has not confirmed; when it is `closing` and none is left, `end_mark` (if any) goes into the claims, then its offset
    completes. `failed_at`: the provider at which the last attempt failed in a way that another one may not.
    `has_waited`: for a rate limit, or in a retry topic, so it does not go to the end of the line once more.
    `alone`: its type keeps no order, it is a lane of its own (its key is its own id, not its recipient's).
    """

    __slots__ = (
        "address", "alone", "assignment", "claim_key", "closing", "delivery", "due", "end_mark", "failed_at",
        "has_waited", "lane", "message", "offset", "origin", "partition", "redrives", "source", "told", "traceparent",
        "tried", "unconfirmed",
    )  # fmt: skip

    alone: bool
    delivery: Delivery
    told: Told | None

    def __init__(self, assignment: "Assignment[Record]", message: Consumed, source: int) -> None:
        self.assignment = assignment
        self.message = message
        self.source = source
        self.partition = message.partition()
        self.offset = self.origin = message.offset()
        self.lane = (message.key() or b"", source)
        self.due = 0
        self.claim_key = b""
        self.tried = UNTRIED
        self.failed_at: str | None = None
        self.has_waited = source >= TIER_0
        self.redrives = 0
        self.traceparent: bytes | None = None
        self.unconfirmed = 0
        self.closing = False
        self.end_mark: bytes | None = None
        self.address = ""  # it was last called at

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return _OBJECTS + len(self.message.value() or b"")

    @property
    def headers(self) -> headers.Headers:
        """As they came, a header without a value as an empty one."""
        return [(name, _bytes(value)) for name, value in self.message.headers() or ()]

    def read_place(self) -> None:
        """From a retry topic: its lane, origin, due time and attempts. Raises PoisonRecord: the lane is unknown."""
        if self.source < TIER_0:
            return
        told = dict(self.headers)
        priority, self.origin, self.due, attempt, first = read_wait(told)
        self.tried = Tried(attempt, first)
        self.lane = self.lane[0], priority
        if told.get(headers.FAILURE_KIND) == FailureKind.TRANSIENT.encode() and headers.PROVIDER in told:
            self.failed_at = told[headers.PROVIDER].decode(errors="replace")

    def decode(self, reader: DeliveryReader, channel: Channel) -> None:
        """Read the delivery. Raises PoisonRecord for bytes or headers that cannot be read and for a foreign channel."""
        delivery, self.told = reader.read(self.message.value())
        self.delivery = delivery
        redrives = None
        for name, value in self.message.headers() or ():  # two of some seven: cheaper than a dict of all
            if name in _WANTED:
                if name == headers.TRACE_PARENT:
                    self.traceparent = _bytes(value)
                else:
                    redrives = _bytes(value)
        if redrives is not None:
            self.redrives = _number({headers.REDRIVES: redrives}, headers.REDRIVES)
        own_id = delivery.delivery_id.encode()
        self.alone = self.lane[0] == own_id
        self.claim_key = b"%b:%d" % (own_id, self.redrives)
        if delivery.channel is not channel:
            raise PoisonRecord(f"a delivery for channel {delivery.channel} where one for {channel} belongs")

    def forget(self) -> None:
        """It was sent and told of: of thousands that wait for Kafka to confirm that, memory needs only the places."""
        del self.delivery, self.told
        if self.source < TIER_0:  # else it is still asked for its size
            del self.message

    @property
    def is_decoded(self) -> bool:
        return self.claim_key != b""


class Wait(NamedTuple):
    """What a record in a retry topic says of its place. Times are ms since 1970 UTC."""

    priority: int
    origin: int
    due: int
    attempt: int
    first_failed_at: int | None


def read_wait(told: Mapping[str, bytes]) -> Wait:
    """From its headers. Raises PoisonRecord."""
    first = _number(told, headers.FIRST_FAILED_AT) if headers.FIRST_FAILED_AT in told else None
    origin, due = _number(told, headers.ORIGIN_OFFSET), _number(told, headers.NOT_BEFORE)
    return Wait(_priority(told), origin, due, _number(told, headers.ATTEMPT), first)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode()


def _number(told: Mapping[str, bytes], name: str) -> int:
    text = told.get(name) or b""
    if not text.isdigit() or len(text) > 18:
        raise PoisonRecord(f"header {name}: {text[:40]!r} is not a number")
    return int(text)


def _priority(told: Mapping[str, bytes]) -> int:
    name = told.get(headers.PRIORITY) or b""
    if name not in _NUMBERS:
        raise PoisonRecord(f"header {headers.PRIORITY}: {name[:40]!r} is not a priority")
    return _NUMBERS[name]
