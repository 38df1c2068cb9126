"""What must be true of Kafka before a process starts: the topics exist and belong together."""

from collections.abc import Mapping, Sequence
from time import monotonic, sleep

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.engine.ending import EXIT_NO_KAFKA, EXIT_TOPICS, CannotStart

_FIX = "`tidings topics apply` creates what is missing"
_PAUSE_SECONDS = 0.2


def fault_of(counts: Mapping[str, int], needed: Sequence[str]) -> str | None:
    """What is wrong with the topics, in one line that names topic and fix; None: nothing.

    `counts` maps every existing topic to its number of partitions.
    """
    missing = [name for name in needed if name not in counts]
    if missing:
        others = f" and {len(missing) - 1} more topics are" if len(missing) > 1 else " is"
        return f"topic {missing[0]}{others} missing: {_FIX}"
    first = needed[0]
    for name in needed:
        if counts[name] != counts[first]:
            return (
                f"topic {name} has {counts[name]} partitions, {first} has {counts[first]}: all must have the same; "
                f"delete the wrong one, then {_FIX}"
            )
    return None


def check_topics(
    bootstrap_servers: str, needed: Sequence[str], timeout_seconds: float = 10.0, settle_seconds: float = 3.0
) -> None:
    """Raises CannotStart when Kafka does not answer, or when topics are missing or differ in their partitions.

    A broker learns of a new topic a moment after it was made: a fault counts when it is still there after
    `settle_seconds`.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    deadline = monotonic() + settle_seconds
    while fault := fault_of(_partitions(admin, bootstrap_servers, timeout_seconds), needed):
        if monotonic() > deadline:
            raise CannotStart(fault, EXIT_TOPICS)
        sleep(_PAUSE_SECONDS)


def _partitions(admin: AdminClient, bootstrap_servers: str, timeout_seconds: float) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=timeout_seconds)
    except KafkaException:
        raise CannotStart(
            f"Kafka at {bootstrap_servers} did not answer for {timeout_seconds:g} s: "
            "is it running, and is TIDINGS_KAFKA_BOOTSTRAP_SERVERS right?",
            EXIT_NO_KAFKA,
        ) from None
    return {name: len(topic.partitions) for name, topic in found.topics.items()}
