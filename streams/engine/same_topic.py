"""Whether a topic is still the one that was there at first: librdkafka stays silent when it vanishes."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient


class SameTopic:
    """Asked now and then. Blocks, at most for `timeout_seconds`.

    Only the topic's id tells: a broker that has become leader may tell an earlier end than was read, and with most
    brokers of a cluster away it does so for as long as they are.
    """

    def __init__(self, topic: str, bootstrap_servers: str, timeout_seconds: float = 1.0) -> None:
        self._topic, self._timeout = topic, timeout_seconds
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self._id: str | None = None
        self._missed = 0  # in a row

    def check(self) -> None:
        """Raises RuntimeError when it is gone, or another one of the same name. Kafka away: nothing is known."""
        try:
            found = self._describe().topic_id
        except KafkaException as error:
            self._missed += error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            if self._missed > 1:  # a broker that has just started may not know yet
                raise RuntimeError(f"{self._topic} can no longer be followed: {error.args[0].str()}") from None
            return
        self._missed = 0
        self._id = self._id or str(found)
        if self._id != str(found):
            raise RuntimeError(f"{self._topic} can no longer be followed: it was deleted and made anew")

    def _describe(self) -> Any:
        asked = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=self._timeout)
        return asked[self._topic].result()
