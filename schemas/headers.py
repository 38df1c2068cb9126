"""The record headers, each declared once: CloudEvents 1.0 (Kafka binding, binary mode) and ours."""

from datetime import UTC, datetime

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

_AVRO = b"application/avro"


def cloud_event(event_id: str, event_type: str, source: str, time_ms: int, traceparent: bytes | None = None) -> Headers:
    """The headers every record carries. `source` is a URI reference such as /tidings/router, `time_ms` since 1970."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made: Headers = [
        (SPEC_VERSION, b"1.0"),
        (ID, event_id.encode()),
        (TYPE, event_type.encode()),
        (SOURCE, source.encode()),
        (TIME, moment.encode()),
        (CONTENT_TYPE, _AVRO),
    ]
    if traceparent:
        made.append((TRACE_PARENT, traceparent))
    return made


def replaced(headers: Headers, changes: dict[str, bytes]) -> Headers:
    """The headers with `changes` in place of any of the same name."""
    return [pair for pair in headers if pair[0] not in changes] + list(changes.items())
