"""A record on its way to Kafka."""

from msgspec import field

from schemas.headers import Headers
from streams.domain.value import Value


class Outgoing(Value, frozen=True):
    """`key`: the recipient's id in UTF-8; `value`: framed Avro bytes, None for a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
