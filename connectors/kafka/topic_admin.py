"""Topics on the cluster: what is there, and carrying out a plan."""

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
)

from connectors.kafka.topic_plan import Configure, Create, Found, Step
from connectors.unavailable import Unavailable

_SECONDS = 15


class TopicAdmin:
    """One cluster. Every call raises Unavailable when Kafka cannot be reached within 15 s."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def found(self, names: Iterable[str]) -> dict[str, Found]:
        """Those of the topics that exist."""
        try:
            topics = self._admin.list_topics(timeout=_SECONDS).topics
        except KafkaException as error:
            raise Unavailable("Kafka", str(error.args[0].str())) from error
        there = [name for name in names if name in topics]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
        answers = self._admin.describe_configs(resources, request_timeout=_SECONDS) if resources else {}
        configs = {resource.name: _own(answer.result(_SECONDS)) for resource, answer in answers.items()}
        return {name: Found(name, len(topics[name].partitions), configs[name]) for name in there}

    def apply(self, steps: Iterable[Step]) -> None:
        """Create and configure; a Refuse is nobody's to carry out and is passed over."""
        chosen = list(steps)
        new = [
            NewTopic(s.topic.name, s.partitions, s.replication_factor, config=_with_isr(s))
            for s in chosen
            if isinstance(s, Create)
        ]
        for made in (self._admin.create_topics(new, operation_timeout=_SECONDS) if new else {}).values():
            made.result(_SECONDS)
        changed = [_resource(s) for s in chosen if isinstance(s, Configure)]
        for done in (self._admin.incremental_alter_configs(changed) if changed else {}).values():
            done.result(_SECONDS)


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
