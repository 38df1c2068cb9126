"""The record headers, each declared once: CloudEvents 1.0 (Kafka binding, binary mode) and ours."""

from dataclasses import dataclass
from functools import lru_cache

from streams.domain.moments import iso

SPEC_VERSION = "ce_specversion"
ID = "ce_id"
TYPE = "ce_type"
SOURCE = "ce_source"
TIME = "ce_time"
CONTENT_TYPE = "content-type"
TRACE_PARENT = "traceparent"

ATTEMPT = "attempt"  # provider calls that have ended, in decimal
NOT_BEFORE = "not_before"  # due time, milliseconds since 1970-01-01 UTC
PRIORITY = "priority"  # of a record in a retry topic: names its lane
REDRIVES = "redrives"  # how often a delivery was put back to work
FIRST_FAILED_AT = "first_failed_at"  # milliseconds since 1970-01-01 UTC
FAILURE_KIND = "failure_kind"
FAILURE_REASON = "failure_reason"
PROVIDER = "provider"
ORIGIN_TOPIC = "origin_topic"
ORIGIN_PARTITION = "origin_partition"
ORIGIN_OFFSET = "origin_offset"

Headers = list[tuple[str, bytes]]


@lru_cache(4096)
def _moment(time_ms: int) -> bytes:
    return iso(time_ms).encode()


class Stamps:
    """The headers of events of one type and source: what they share is made once."""

    def __init__(self, event_type: str, source: str) -> None:
        """`source` is a URI reference such as /tidings/router."""
        self._version, self._content = (SPEC_VERSION, b"1.0"), (CONTENT_TYPE, b"application/avro")
        self._type, self._source = (TYPE, event_type.encode()), (SOURCE, source.encode())

    def of(self, event_id: str, time_ms: int, traceparent: bytes | None = None) -> Headers:
        """The headers every record carries. `time_ms` since 1970-01-01 UTC."""
        made: Headers = [
            self._version,
            (ID, event_id.encode()),
            self._type,
            self._source,
            (TIME, _moment(time_ms)),
            self._content,
        ]
        if traceparent:
            made.append((TRACE_PARENT, traceparent))
        return made


def cloud_event(event_id: str, event_type: str, source: str, time_ms: int, traceparent: bytes | None = None) -> Headers:
    """Those of a single event."""
    return Stamps(event_type, source).of(event_id, time_ms, traceparent)


def replaced(headers: Headers, changes: dict[str, bytes]) -> Headers:
    """The headers with `changes` in place of any of the same name."""
    return [pair for pair in headers if pair[0] not in changes] + list(changes.items())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record first came up."""

    topic: str
    partition: int
    offset: int


LONGEST_REASON = 500


def dead_letter(own: Headers, kind: str, reason: str, origin: Origin, now: int) -> Headers:
    """The headers that make a record a dead letter: its own, and why; its key and its value stay as they came.

    For a record that no attempt was made for. `kind` is poison (it cannot be read) or permanent (it can, but no retry
    helps); `now`: milliseconds since 1970-01-01 UTC.
    """
    given = dict(own)
    return replaced(
        own,
        {
            FAILURE_KIND: kind.encode(),
            FAILURE_REASON: reason[:LONGEST_REASON].encode(),
            ATTEMPT: given.get(ATTEMPT) or b"0",
            REDRIVES: given.get(REDRIVES) or b"0",
            FIRST_FAILED_AT: given.get(FIRST_FAILED_AT) or b"%d" % now,
            ORIGIN_TOPIC: origin.topic.encode(),
            ORIGIN_PARTITION: b"%d" % origin.partition,
            ORIGIN_OFFSET: b"%d" % origin.offset,
        },
    )
