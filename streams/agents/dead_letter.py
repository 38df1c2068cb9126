"""The headers that make a record a dead letter; its key and its value stay as they came."""

from schemas import headers as names
from schemas.headers import Headers, replaced
from streams.engine.batch import Record

LONGEST_REASON = 500


def dead_letter_headers(record: Record, kind: str, reason: str, now: int) -> Headers:
    """The record's own headers, and why it could not be carried out. `now`: milliseconds since 1970-01-01 UTC.

    `kind` is poison (it cannot be read) or permanent (it can, but no retry helps).
    """
    own = list(record.headers)
    given = dict(own)
    return replaced(
        own,
        {
            names.FAILURE_KIND: kind.encode(),
            names.FAILURE_REASON: reason[:LONGEST_REASON].encode(),
            names.ATTEMPT: given.get(names.ATTEMPT) or b"0",
            names.REDRIVES: given.get(names.REDRIVES) or b"0",
            names.FIRST_FAILED_AT: given.get(names.FIRST_FAILED_AT) or b"%d" % now,
            names.ORIGIN_TOPIC: record.topic.encode(),
            names.ORIGIN_PARTITION: b"%d" % record.partition,
            names.ORIGIN_OFFSET: b"%d" % record.offset,
        },
    )
