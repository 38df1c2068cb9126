"""Topics on the cluster: what is there, and carrying out a plan."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from connectors.kafka.topic_plan import Configure, Create, Found, Step
from connectors.unavailable import Unavailable

_SECONDS = 15


class TopicAdmin:
    """One cluster. Every call raises Unavailable when Kafka cannot be reached within `seconds`."""

    def __init__(self, bootstrap_servers: str, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def found(self, names: Iterable[str]) -> dict[str, Found]:
        """Those of the topics that exist."""
        try:
            topics = self._admin.list_topics(timeout=self._seconds).topics
        except KafkaException as error:
            raise Unavailable("Kafka", str(error.args[0].str())) from error
        there = [name for name in names if name in topics]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
        answers = self._admin.describe_configs(resources, request_timeout=_SECONDS) if resources else {}
        configs = {resource.name: _own(answer.result(_SECONDS)) for resource, answer in answers.items()}
        return {name: Found(name, len(topics[name].partitions), configs[name]) for name in there}

    def apply(self, steps: Iterable[Step]) -> None:
        """Create and configure; back when the new topics can be used. A Refuse is nobody's to carry out."""
        chosen = list(steps)
        new = [
            NewTopic(s.topic.name, s.partitions, s.replication_factor, config=_with_isr(s))
            for s in chosen
            if isinstance(s, Create)
        ]
        for made in (self._admin.create_topics(new, operation_timeout=_SECONDS) if new else {}).values():
            made.result(_SECONDS)
        self._settle([TopicPartition(topic.topic, at) for topic in new for at in range(topic.num_partitions)])
        changed = [_resource(s) for s in chosen if isinstance(s, Configure)]
        for done in (self._admin.incremental_alter_configs(changed) if changed else {}).values():
            done.result(_SECONDS)

    def _settle(self, partitions: list[TopicPartition]) -> None:
        """Wait until each partition answers: a broker says NOT_LEADER for a moment after it made a topic."""
        deadline = time.monotonic() + _SECONDS
        while partitions:
            answers = self._admin.list_offsets({tp: OffsetSpec.earliest() for tp in partitions})
            partitions = [tp for tp, answer in answers.items() if not _is_told(answer)]
            if partitions and time.monotonic() > deadline:
                raise Unavailable("Kafka", f"new topics have no leader yet: {partitions[0].topic}")
            if partitions:
                time.sleep(0.05)


def _is_told(answer: Future[Any]) -> bool:
    """Whether a leader has answered; one that did not can also be told as an offset of -1001."""
    return answer.exception(_SECONDS) is None and answer.result().offset >= 0


def _own(entries: Mapping[str, Any]) -> dict[str, str]:
    source = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: entry.value for name, entry in entries.items() if entry.source == source}


def _with_isr(step: Create) -> dict[str, str]:
    isr = {"min.insync.replicas": "2"} if step.replication_factor >= 3 else {}
    return {**step.topic.config, **isr}


def _resource(step: Configure) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in step.changes.items()
    ]
    return ConfigResource(ResourceType.TOPIC, step.topic.name, incremental_configs=entries)
