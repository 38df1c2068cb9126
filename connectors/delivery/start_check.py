"""Before the first record: the topics are there, with equal partition counts. Else lanes would lose their order."""

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connectors.unavailable import Unavailable

EXIT_CODE = 78
_SECONDS = 10


class WrongTopics(Exception):
    """The topics are not as this sender needs them; the text is one line that names the topic and the fix.

    The process ends with `exit_code`: a restart mends nothing.
    """

    exit_code = EXIT_CODE


def topics_problem(needed: Sequence[str], found: Mapping[str, int]) -> str | None:
    """What is wrong with the partition counts `found`, in one line; None: nothing."""
    missing = [name for name in needed if not found.get(name)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"topic {missing[0]}{more} does not exist: run `tidings topics apply`"
    count = found[needed[0]]
    other = next((name for name in needed if found[name] != count), None)
    if other:
        return (
            f"topic {other} has {found[other]} partitions and {needed[0]} has {count}: all need the same count; "
            f"delete the drained one and run `tidings topics apply`"
        )
    return None


def check_topics(client: AdminClient, needed: Sequence[str]) -> None:
    """Raises WrongTopics, or Unavailable when Kafka does not answer."""
    try:
        topics = client.list_topics(timeout=_SECONDS).topics
    except KafkaException as error:
        raise Unavailable("kafka", error.args[0].str()) from error
    problem = topics_problem(needed, {name: len(topics[name].partitions) for name in needed if name in topics})
    if problem:
        raise WrongTopics(problem)
