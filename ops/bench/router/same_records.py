"""Whether two routers wrote the same records: each decoded by fastavro alone, and counted.

Equal are topic, key, partition, headers by name and value but for `ce_time`, and every field but `decided_at`. Order is
not compared, and dead letters count as they are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from confluent_kafka import Message

from ops.bench.router.plain_avro import PlainAvro
from ops.bench.router.reading import records_of
from streams.agents.router_topics import RouterTopics

_HERE_AND_NOW = {"ce_time"}


class Written(NamedTuple):
    """What counts of a record."""

    partition: int
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` names the first record that one wrote more often than the other; "": there is none."""

    records: int
    difference: str = ""

    @property
    def same(self) -> bool:
        return not self.difference

    def told(self) -> str:
        """In words."""
        return self.difference or f"{self.records:,} records compared, all the same"


def compare(bootstrap_servers: str, ours: str, theirs: str, decisions: int) -> Comparison:
    """Of the topics of two prefixes. `decisions`: how many each must have, so that two empty topics are no success."""
    delivery, decision = PlainAvro("Delivery"), PlainAvro("Decision")
    left, right = RouterTopics.named(ours), RouterTopics.named(theirs)
    pairs: list[tuple[str, str, PlainAvro | None]] = [
        (left.decisions, right.decisions, decision),
        *((left.deliveries[at], right.deliveries[at], delivery) for at in left.deliveries),
        (left.dead_letters, right.dead_letters, None),
    ]
    records = 0
    for one, other, avro in pairs:
        mine, its = _counted(bootstrap_servers, one, avro), _counted(bootstrap_servers, other, avro)
        if mine != its:
            return Comparison(records, _difference(bootstrap_servers, (one, mine), (other, its), avro))
        if avro is decision and mine.total() != decisions:
            return Comparison(records, f"{one} has {mine.total():,} records, {decisions:,} are right")
        records += mine.total()
    return Comparison(records)


def written(message: Message, avro: PlainAvro | None) -> Written:
    """What counts of it. Raises ValueError when it cannot be decoded."""
    value: Any = message.value()
    if avro is not None:
        value = avro.decode(value)
        value.pop("decided_at", None)
    headers = sorted(pair for pair in message.headers() or [] if pair[0] not in _HERE_AND_NOW)
    return Written(message.partition(), message.key(), tuple(headers), value)


def _records(servers: str, topic: str, avro: PlainAvro | None) -> Iterator[tuple[bytes, Written]]:
    for message in records_of(servers, topic):
        told = written(message, avro)
        yield blake2b(repr(told).encode(), digest_size=16).digest(), told


def _counted(servers: str, topic: str, avro: PlainAvro | None) -> Counter[bytes]:
    """By digest: hundreds of thousands of records fit in memory."""
    return Counter(digest for digest, _ in _records(servers, topic, avro))


def _difference(
    servers: str, ours: tuple[str, Counter[bytes]], theirs: tuple[str, Counter[bytes]], avro: PlainAvro | None
) -> str:
    for (topic, counted), (other_topic, other) in ((ours, theirs), (theirs, ours)):
        more = counted - other
        for digest, told in _records(servers, topic, avro) if more else ():
            if digest in more:
                times = f"{counted[digest]} times on {topic}, {other[digest]} times on {other_topic}"
                return f"{times}: {told}"
    raise AssertionError("they are the same")
