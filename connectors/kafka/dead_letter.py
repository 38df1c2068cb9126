"""What a dead letter says of itself: the record's own headers, where it came from and why it is here."""

from confluent_kafka import Message

from schemas import headers


def dead_letter_headers(message: Message, kind: str, reason: str) -> headers.Headers:
    """Headers for dead-letters of a record that was never understood; key and value are kept as they came."""
    own = [(name, value or b"") for name, value in message.headers() or ()]
    return headers.replaced(
        own,
        {
            headers.FAILURE_KIND: kind.encode(),
            headers.FAILURE_REASON: reason.encode()[:1_000],
            headers.ORIGIN_TOPIC: str(message.topic()).encode(),
            headers.ORIGIN_PARTITION: str(message.partition()).encode(),
            headers.ORIGIN_OFFSET: str(message.offset()).encode(),
        },
    )
