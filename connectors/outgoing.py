"""A record on its way to Kafka."""

from dataclasses import dataclass, field

from schemas.headers import Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`key`: the recipient's id in UTF-8; `value`: framed Avro bytes, None for a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
