"""The only file that knows every concrete class. It builds; it decides nothing."""

from connectors.kafka.topic_admin import TopicAdmin
from connectors.kafka.topic_plan import Step, plan
from ops.settings import Settings
from schemas.topics import Topic, all_topics


def declared_topics(settings: Settings) -> tuple[Topic, ...]:
    return all_topics({channel: schedule.tiers for channel, schedule in settings.schedules().items()})


def topic_admin(settings: Settings) -> TopicAdmin:
    return TopicAdmin(settings.kafka_bootstrap_servers)


def topic_steps(settings: Settings) -> tuple[Step, ...]:
    """What has to change on the cluster for the topics to be as declared."""
    wanted = declared_topics(settings)
    found = topic_admin(settings).found(topic.name for topic in wanted)
    return plan(wanted, found, settings.partitions, settings.replication_factor)
