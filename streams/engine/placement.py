"""Which partition a key lies on, and what it means when records lie elsewhere. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import murmur2

NEWEST = 50
TOO_MANY = 0.25

_FIX = (
    "set the partitioner of its producer to murmur2, which is that of Java clients (librdkafka: "
    "partitioner=murmur2_random; its default is consistent_random)"
)


def belongs(key: bytes, partition: int, partitions: int) -> bool:
    """Whether murmur2, the rule of Java clients, puts this key on this of so many partitions. 0.2 us."""
    return bool(murmur2(key, partitions) == partition)


@dataclass(frozen=True, slots=True)
class Seen:
    """A record with a key that was looked at. `time`: milliseconds since 1970-01-01 UTC; `source`: its ce_source."""

    partition: int
    offset: int
    time: int
    key: bytes
    tombstone: bool = False
    source: str | None = None


def fault_of_stream(topic: str, seen: Sequence[Seen], partitions: int) -> str | None:
    """In one line, why a process must not start that reads this topic; None: it may.

    One misplaced record becomes a dead letter when it is read, and one producer among many must not keep the process
    from starting. When a quarter of the newest 50 records lie wrong, the topic is written wrongly.
    """
    newest = sorted(seen, key=lambda each: (each.time, each.offset))[-NEWEST:]
    wrong = [each for each in newest if not belongs(each.key, each.partition, partitions)]
    if len(wrong) < max(1.0, TOO_MANY * len(newest)):
        return None
    return (
        f"{len(wrong)} of the last {len(newest)} records on topic {topic} lie on a wrong partition, such as "
        f"{_told(topic, wrong[-1], partitions)}: {_FIX}; it may start again when most new records lie right, and makes "
        "dead letters of the others"
    )


def fault_of_table(topic: str, seen: Sequence[Seen], partitions: int) -> str | None:
    """In one line, why a process must not start that keeps this topic as a table; None: it may.

    Nobody would find a value on a wrong partition: one is too many, unless a tombstone has taken it back.
    """
    last = {(each.partition, each.key): each for each in sorted(seen, key=lambda each: each.offset)}
    for each in last.values():
        if not each.tombstone and not belongs(each.key, each.partition, partitions):
            return (
                f"a record on topic {topic} lies on a wrong partition, where nobody would find it: "
                f"{_told(topic, each, partitions)}: {_FIX}, write it again, and a tombstone for its key to partition "
                f"{each.partition}; if partitions were added to the topic, make it anew instead"
            )
    return None


def _told(topic: str, each: Seen, partitions: int) -> str:
    source = f"ce_source {each.source}" if each.source else "without ce_source"
    return f"{topic}/{each.partition}@{each.offset} ({source}), which belongs on {murmur2(each.key, partitions)}"
