"""Whether a Kafka client can still be used after an error.

The rule of connectors/kafka/fatal.py, stated again because no room below both knows confluent_kafka; a test holds the
two together.
"""

from confluent_kafka import KafkaError


def is_fatal(error: KafkaError) -> bool:
    """After a fatal error a client never works again.

    librdkafka says it by the code alone: the error that comes as a message has no fatal mark.
    """
    return bool(error.fatal()) or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)
