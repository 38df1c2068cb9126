"""The topics of an installation."""

from connectors.kafka.topic_admin import TopicAdmin
from connectors.kafka.topic_plan import Step, plan
from ops.settings import Settings
from ops.wiring.shared import declared_topics


def topic_admin(settings: Settings) -> TopicAdmin:
    return TopicAdmin(settings.kafka_bootstrap_servers)


def topic_steps(settings: Settings) -> tuple[Step, ...]:
    """What has to change on the cluster for the topics to be as declared."""
    wanted = declared_topics(settings)
    found = topic_admin(settings).found(topic.name for topic in wanted)
    return plan(wanted, found, settings.partitions, settings.replication_factor)
