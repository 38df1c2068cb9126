"""What must be true of Kafka before a process starts: the topics exist, belong together and are as declared."""

import logging
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, ConfigSource, ResourceType

from streams.engine.ending import EXIT_NO_KAFKA, EXIT_TOPICS, CannotStart
from streams.engine.topic_faults import Declared, TopicAsFound, fault_of

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2
_SETTINGS_SECONDS = 3.0
_ON_THE_TOPIC = ConfigSource.DYNAMIC_TOPIC_CONFIG.value


def check_topics(
    bootstrap_servers: str, declared: Declared, timeout_seconds: float = 10.0, settle_seconds: float = 3.0
) -> str:
    """The cluster's id. `declared`: the topics that are needed, each with the settings it is declared with.

    Raises CannotStart when Kafka does not answer, or with the first fault of the topics (topic_faults.py). A broker
    learns of a new topic a moment after it was made: a fault counts when it is still there after `settle_seconds`.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    deadline = monotonic() + settle_seconds
    while True:
        cluster = _cluster(admin, bootstrap_servers, timeout_seconds)
        fault = fault_of(_found(admin, cluster, declared), declared)
        if fault is None:
            return str(cluster.cluster_id)
        if monotonic() > deadline:
            raise CannotStart(fault, EXIT_TOPICS)
        sleep(_PAUSE_SECONDS)


def no_kafka(bootstrap_servers: str, seconds: float) -> CannotStart:
    """What is said when Kafka did not answer for so long."""
    return CannotStart(
        f"Kafka at {bootstrap_servers} did not answer for {seconds:g} s: "
        "is it running, and is TIDINGS_KAFKA_BOOTSTRAP_SERVERS right?",
        EXIT_NO_KAFKA,
    )


def _cluster(admin: AdminClient, bootstrap_servers: str, timeout_seconds: float) -> ClusterMetadata:
    try:
        return admin.list_topics(timeout=timeout_seconds)
    except KafkaException:
        raise no_kafka(bootstrap_servers, timeout_seconds) from None


def _found(admin: AdminClient, cluster: ClusterMetadata, declared: Declared) -> dict[str, TopicAsFound]:
    there = {name: cluster.topics[name] for name in declared if name in cluster.topics}
    settings = _settings(admin, list(there))
    return {
        name: TopicAsFound(
            len(topic.partitions),
            min((len(partition.replicas) for partition in topic.partitions.values()), default=0),
            {key: entry.value for key, entry in settings.get(name, {}).items()},
            frozenset(
                k for k, e in settings.get(name, {}).items() if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            ),
        )
        for name, topic in there.items()
    }


def _settings(admin: AdminClient, names: list[str]) -> dict[str, Mapping[str, Any]]:
    """The settings of these topics; of those nobody tells us about, none."""
    if not names:
        return {}
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=_SETTINGS_SECONDS
    )
    found = {}
    for resource, answer in asked.items():
        try:
            found[resource.name] = answer.result()
        except KafkaException as error:
            log.warning("the settings of topic %s are not checked: %s", resource.name, error.args[0].str())
    return found
