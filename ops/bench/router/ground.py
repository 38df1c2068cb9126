"""Topics of the measurements' own on a real Kafka: made, filled, counted and taken away again."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from ops.bench.router.data import BASE_MS, Mix, preference_of, recipient_id
from ops.bench.router.filling import Filling, HiddenFilling, Notifications
from schemas.codec import Codec
from schemas.records import preference_to_record
from schemas.topics import all_topics
from streams.agents.router_topics import RouterTopics
from streams.domain.notification import Channel

Partition = tuple[str, int]

_SECONDS = 60.0
MANY = 32  # partitions
_DECLARED = {topic.name: topic.config for topic in all_topics(dict.fromkeys(Channel, ()))}


def topics_of(inputs: str, outputs: str) -> RouterTopics:
    """Reads the topics of one prefix, writes those of another: several contenders read the same."""
    read, written = RouterTopics.named(inputs), RouterTopics.named(outputs)
    return RouterTopics(
        read.notifications, read.preferences, written.deliveries, written.decisions, written.dead_letters
    )


def outputs_of(topics: RouterTopics) -> tuple[str, ...]:
    return (topics.decisions, *topics.deliveries.values(), topics.dead_letters)


def inputs_of(topics: RouterTopics) -> tuple[str, ...]:
    return (*topics.notifications.values(), topics.preferences)


class Ground:
    """One Kafka. `partitions`: of every topic that is made here."""

    def __init__(self, bootstrap_servers: str, partitions: int = 4) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self._numbers = count(1)

    def with_partitions(self, partitions: int) -> "Ground":
        """The same Kafka, topics of another size."""
        return Ground(self.bootstrap_servers, partitions)

    def new_name(self, what: str) -> str:
        """A prefix that nobody else has on this Kafka."""
        return f"{what}{next(self._numbers)}-{self.partitions}-{time.monotonic_ns() % 10**9}."

    @contextmanager
    def topics(self, names: Iterable[str]) -> Iterator[None]:
        """They exist, empty and ready for use, within the block."""
        wanted = list(names)
        self._create(wanted)
        try:
            yield
        finally:
            for gone in self._admin.delete_topics(wanted, operation_timeout=_SECONDS).values():
                gone.result(_SECONDS)

    @contextmanager
    def inputs(self, mix: Mix) -> Iterator[str]:
        """Topics to read from, with the preferences in theirs; yields their prefix."""
        prefix = self.new_name("in")
        with self.topics(inputs_of(RouterTopics.named(prefix))):
            self.fill_preferences(prefix, mix)
            yield prefix

    @contextmanager
    def outputs(self, what: str) -> Iterator[str]:
        """Topics to write to; yields their prefix."""
        prefix = self.new_name(what)
        with self.topics(outputs_of(RouterTopics.named(prefix))):
            yield prefix

    def fill_preferences(self, prefix: str, mix: Mix) -> None:
        """What every recipient wants."""
        codec, topic = Codec(), RouterTopics.named(prefix).preferences
        filling = Filling(self.bootstrap_servers)
        for number in range(mix.recipients):
            wish = preference_of(mix, number)
            if wish is not None:
                value = codec.encode("Preference", preference_to_record(wish, BASE_MS))
                filling.write(topic, value, recipient_id(number).encode())
        filling.flush()

    def fill_notifications(self, prefix: str, mix: Mix, numbers: range, **changes: Any) -> None:
        """These notifications, as services would publish them, with other fields as given."""
        self._write(Filling(self.bootstrap_servers), prefix, mix, numbers, changes)

    def hide_notifications(self, prefix: str, mix: Mix, numbers: range) -> HiddenFilling:
        """These notifications, unseen as yet."""
        filling = HiddenFilling(self.bootstrap_servers, f"{prefix}hidden")
        self._write(filling, prefix, mix, numbers, {})
        return filling

    def _write(self, filling: Filling, prefix: str, mix: Mix, numbers: range, changes: dict[str, Any]) -> None:
        topics, maker = RouterTopics.named(prefix).notifications, Notifications(mix)
        for number in numbers:
            to, value, key, headers = maker.made(number, **changes)
            filling.write(topics[to], value, key, headers)
        filling.flush()

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """The end offset of every partition: records written, as nothing here is ever removed."""
        wanted = {TopicPartition(topic, p): OffsetSpec.latest() for topic in topics for p in range(self.partitions)}
        answers = self._admin.list_offsets(wanted, request_timeout=_SECONDS)
        return {(tp.topic, tp.partition): answer.result(_SECONDS).offset for tp, answer in answers.items()}

    def written(self, topics: Iterable[str]) -> int:
        """Records on these topics."""
        return sum(self.ends(topics).values())

    def committed(self, group: str) -> dict[Partition, int]:
        """The offsets of a consumer group, where there is one."""
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        found = asked[group].result(_SECONDS).topic_partitions
        return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset > 0}

    def members_at_work(self, group: str) -> int:
        """Members of a consumer group that hold partitions."""
        about = self._admin.describe_consumer_groups([group])[group].result(_SECONDS)
        return sum(bool(member.assignment.topic_partitions) for member in about.members)

    def _create(self, names: list[str]) -> None:
        made = [NewTopic(n, self.partitions, 1, config=self._config(n)) for n in names]
        for future in self._admin.create_topics(made, operation_timeout=_SECONDS).values():
            future.result(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while True:  # a broker says NOT_LEADER for a moment after it made a topic
            self._admin.list_topics(timeout=_SECONDS)  # else the client asks those it knew before others were deleted
            try:
                self.ends(names)
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _config(self, name: str) -> dict[str, str]:
        config = dict(_DECLARED[name.partition(".")[2]])
        if self.partitions > MANY:  # else 10 MiB of address space for each of thousands of indexes
            config["segment.index.bytes"] = str(256 * 1024)
        return config
